import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { withClient } from "../../ops/postgres/connection.ts";
import { runScript } from "../support/child-process.ts";
import { writeDamagedData } from "./support/damaged-data.ts";
import { executeHere, storesAreEqual } from "./support/execute-here.ts";
import { makeDatabase } from "./support/own-database.ts";
import { rowVersions } from "./support/row-versions.ts";
import { makeTempDirectory } from "./support/temp-directory.ts";

async function prepareStores(participants = 600) {
  const dataDirectory = join(await makeTempDirectory(), "data");
  const { quarantined } = await writeDamagedData(dataDirectory, participants);
  return { url: await makeDatabase(), dataDirectory, acceptQuarantined: quarantined };
}

describe("--replace", () => {
  async function loadAndChange() {
    const stores = await prepareStores();
    await executeHere(stores);
    const path = join(stores.dataDirectory, "events.json");
    await writeFile(path, (await readFile(path, "utf8")).replace("Event 7", "Event seven"));
    return { ...stores, replace: true };
  }

  test("asks before it removes rows, naming every collection whose rows would go", async () => {
    const stores = await loadAndChange();
    const before = await rowVersions(stores.url);
    const questions: string[] = [];
    const confirm = (question: string): Promise<void> => {
      questions.push(question);
      return Promise.reject(new Error("no"));
    };
    await expect(executeHere({ ...stores, confirm })).rejects.toThrow("no");
    expect(questions).toEqual([expect.stringContaining("events, participants, talks")]);
    expect(await rowVersions(stores.url)).toEqual(before);
    const script = await runScript("migrate.mjs", ["execute", "--replace", "--data", stores.dataDirectory], {
      DATABASE_URL: stores.url,
    });
    expect(script).toMatchObject({ code: 2, stdout: "", stderr: expect.stringContaining("--yes") });
    expect(await rowVersions(stores.url)).toEqual(before);
  });

  test.for([
    "insert into lightningtalk.events (id) values ('by somebody else')",
    "delete from lightningtalk.talks where id = 'talk-3'",
    "insert into lightningtalk.participants (id, event_id) values ('by somebody else', 'event-1')",
  ])("removes nothing when somebody else wrote: %s", async (statement) => {
    const stores = await loadAndChange();
    await withClient(stores.url, {}, (client) => client.query(statement));
    const before = await rowVersions(stores.url);
    await expect(executeHere(stores)).rejects.toMatchObject({
      code: "not-only-loaded",
      hint: expect.stringContaining("Nothing was removed"),
    });
    expect(await rowVersions(stores.url)).toEqual(before);
  });

  test("a generic collection is replaced without its neighbours in the same table", async () => {
    const stores = await prepareStores();
    await executeHere(stores);
    await writeFile(join(stores.dataDirectory, "voting_sessions.json"), `[{"id": "only"}]`);
    const { outcomes } = await executeHere({ ...stores, replace: true });
    expect(outcomes.filter(({ alreadyLoaded }) => !alreadyLoaded).map(({ progress }) => progress.collection)).toEqual([
      "voting_sessions",
    ]);
    expect(await storesAreEqual(stores)).toBe(true);
  });
});
