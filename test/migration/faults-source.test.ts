import { appendFileSync, readFileSync, renameSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { readProgress } from "../../ops/migration/load/load-progress.ts";
import { withClient } from "../../ops/postgres/connection.ts";
import { executeHere, storesAreEqual } from "./support/execute-here.ts";
import { makeDatabase, makeEmptyDatabase } from "./support/own-database.ts";
import { StoppableRun } from "./support/stoppable-run.ts";
import { makeTempDirectory } from "./support/temp-directory.ts";

/** More than the reader's window of 1 MB, so that a change in the middle of a run reaches bytes that are still to be read. */
const people = 12_000;

function participantsJson(note = "x"): string {
  const documents = Array.from({ length: people }, (_, i) => ({
    id: `person-${i}`,
    name: `Person ${i}`,
    email: `p${i}@example.org`,
    message: note.repeat(60),
  }));
  return JSON.stringify(documents, null, 2);
}

async function prepareFiles() {
  const dataDirectory = await makeTempDirectory();
  const path = join(dataDirectory, "participants.json");
  const original = participantsJson();
  await writeFile(join(dataDirectory, "events.json"), `[{"id": "event-1"}]`);
  await writeFile(path, original);
  return { url: await makeDatabase(), dataDirectory, path, original };
}

const changes: Record<string, (path: string, original: string) => void> = {
  grows: (path) => appendFileSync(path, "\n,"),
  "is edited at the same size": (path, original) =>
    writeFileSync(path, original.replace("Person 11999", "Person 99999"), { flag: "r+" }),
  "is replaced by another one": (path) => {
    writeFileSync(`${path}.new`, participantsJson("y"));
    renameSync(`${path}.new`, path);
  },
  "is cut off": (path, original) => truncateSync(path, original.length >> 1),
  "is written again from its beginning": (path) => writeFileSync(path, "[]"),
  "is deleted": (path) => rmSync(path),
};

test.for(Object.entries(changes))(
  "a file that %s while it is loaded fails the run, and its rows are loaded anew",
  async ([, change]) => {
    const { path, original, ...stores } = await prepareFiles();
    const run = executeHere(stores, (collection, batch) => {
      if (collection === "participants" && batch === 1) change(path, original);
    });
    await expect(run).rejects.toMatchObject({
      code: "source-changed",
      message: expect.stringContaining("participants.json"),
      hint: expect.stringContaining("--replace"),
    });

    // Even the old content is no reason to trust rows that may have come from the other one.
    await writeFile(path, original);
    await expect(executeHere(stores)).rejects.toMatchObject({
      code: "source-changed-since-load",
      hint: expect.stringContaining("--replace"),
    });
    await writeFile(path, participantsJson("z"));
    await expect(executeHere(stores)).rejects.toMatchObject({ code: "source-changed-since-load" });
    await executeHere({ ...stores, replace: true });
    expect(await storesAreEqual(stores)).toBe(true);
  },
);

test("a file that changes while a stopped load goes on fails that run too", async () => {
  const { path, original, ...stores } = await prepareFiles();
  await (
    await new StoppableRun({ ...stores, acceptQuarantined: 0 }, ["batch participants 3"]).reach("batch participants 3")
  ).kill();
  const run = executeHere(stores, (_, batch) => {
    if (batch === 1) changes["is edited at the same size"]!(path, original);
  });
  await expect(run).rejects.toMatchObject({ code: "source-changed" });
  await writeFile(path, original);
  await expect(executeHere(stores)).rejects.toMatchObject({ code: "source-changed-since-load" });
  await executeHere({ ...stores, replace: true });
  expect(await storesAreEqual(stores)).toBe(true);
});

test("a file that was only touched since it was loaded needs no --replace", async () => {
  const { path, original, ...stores } = await prepareFiles();
  await executeHere(stores);
  const past = new Date(Date.now() - 60_000);
  await utimes(path, past, past);
  expect((await executeHere(stores)).outcomes.every(({ alreadyLoaded }) => alreadyLoaded)).toBe(true);
  expect(readFileSync(path, "utf8")).toBe(original);
});

test("a file that is gone after its load was stopped is asked for, and loaded to its end when it is back", async () => {
  const { path, original, ...stores } = await prepareFiles();
  await (
    await new StoppableRun({ ...stores, acceptQuarantined: 0 }, ["batch participants 3"]).reach("batch participants 3")
  ).kill();
  rmSync(path);
  await expect(executeHere(stores)).rejects.toMatchObject({
    code: "source-missing",
    message: expect.stringContaining("participants.json"),
  });
  await writeFile(path, original);
  await executeHere(stores);
  expect(await storesAreEqual(stores)).toBe(true);
});

const broken: Record<string, string | Buffer> = {
  "no bytes": "",
  "white space only": " \n ",
  "a byte order mark": "\ufeff[]",
  "an object": `{"id": "a"}`,
  "a cut element": `[{"id": "a"}, {"id": "b"`,
  "no closing bracket": `[{"id": "a"}`,
  "a trailing comma": `[{"id": "a"},]`,
  "no comma": `[{"id": "a"} {"id": "b"}]`,
  "text behind the array": `[{"id": "a"}] []`,
  "a bare word": `[{"id": undefined}]`,
  "single quotes": `[{'id': 'a'}]`,
  "a comment": `[/* none */]`,
  "a leading zero": `[{"id": "a", "n": 01}]`,
  "a raw line end in a string": `[{"id": "a\nb"}]`,
  "bytes that are no UTF-8": Buffer.from([0x5b, 0x22, 0xff, 0x22, 0x5d]),
};

test("broken files stop a run that was not prepared before it writes anything, with line and column", async () => {
  const url = await makeEmptyDatabase();
  const dataDirectory = await makeTempDirectory();
  await writeFile(join(dataDirectory, "events.json"), `[{"id": "event-1"}]`);
  for (const [kind, content] of Object.entries(broken)) {
    await writeFile(join(dataDirectory, "talks.json"), content);
    const refused = expect.objectContaining({
      code: "broken-json",
      message: expect.stringMatching(/^talks\.json:\d+:\d+: /),
    });
    expect({ kind, error: await executeHere({ url, dataDirectory }).catch((error: unknown) => error) }).toEqual({
      kind,
      error: refused,
    });
  }
  const written = await withClient(url, {}, async (client) => {
    const { rows } = await client.query("select nspname from pg_namespace where nspname in ('ops', 'lightningtalk')");
    return rows;
  });
  expect(written).toEqual([]);
});

test("only the collection whose file has changed is loaded anew", async () => {
  const { path, original, ...stores } = await prepareFiles();
  await executeHere(stores);
  await writeFile(path, original.replace("Person 11999", "Person 99999"));
  await expect(executeHere(stores)).rejects.toMatchObject({
    code: "source-changed-since-load",
    details: { files: ["participants.json"] },
  });
  const progress = await withClient(stores.url, {}, readProgress);
  expect(progress.get("participants")).toMatchObject({ documents: people, complete: true });
  const { outcomes } = await executeHere({ ...stores, replace: true });
  expect(outcomes.map(({ progress: { collection }, alreadyLoaded }) => [collection, alreadyLoaded])).toEqual([
    ["events", true],
    ["participants", false],
  ]);
});
