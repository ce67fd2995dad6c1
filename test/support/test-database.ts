import { afterAll, beforeAll, type RunnerTestSuite, type RunnerTestFile } from "vitest";
import { cloneDatabase, type TestDatabase } from "./server.ts";

/**
 * Gives a test file a database of its own for all its tests. It is dropped afterwards, or kept for a look when one failed.
 *
 * Call it at the top level of the file or of a `describe`; the returned object is filled before the first test runs.
 */
export function useDatabase(): Readonly<Pick<TestDatabase, "url" | "name">> {
  let database: TestDatabase | undefined;
  beforeAll(async () => {
    database = await cloneDatabase();
  });
  // vitest accepts nothing but a destructuring pattern as the first parameter.
  // oxlint-disable-next-line no-empty-pattern
  afterAll(async ({}, suite) => {
    await (hasFailed(suite) ? database?.keep() : database?.drop());
  });
  return {
    get url() {
      return filled(database).url;
    },
    get name() {
      return filled(database).name;
    },
  };
}

function hasFailed(suite: Readonly<RunnerTestSuite | RunnerTestFile>): boolean {
  if (suite.result?.state === "fail") return true;
  return suite.tasks.some((task) => (task.type === "suite" ? hasFailed(task) : task.result?.state === "fail"));
}

function filled(database: TestDatabase | undefined): TestDatabase {
  if (!database)
    throw new Error("The database of useDatabase() is there in tests and in hooks registered after it only.");
  return database;
}
