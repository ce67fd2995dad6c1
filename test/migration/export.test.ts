import { mkdtemp, readdir, readFile, rm, statfs, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { PROJECT_ROOT } from "../../ops/config/project-root.ts";
import { exportDocuments } from "../../ops/migration/export-documents.ts";
import type { ExportOptions } from "../../ops/migration/export-documents.ts";
import { withClient } from "../../ops/postgres/connection.ts";
import { canMount, mountSmallDisk } from "../backup/small-disk.ts";
import { runModule, runScript } from "../support/child-process.ts";
import { useDatabase } from "../support/test-database.ts";
import { findFileDifference } from "./support/compare-stores.ts";
import { writeDamagedData } from "./support/damaged-data.ts";
import { executeHere } from "./support/execute-here.ts";
import { makeDatabase } from "./support/own-database.ts";
import { silentReporter } from "./support/silent-reporter.ts";
import { makeTempDirectory } from "./support/temp-directory.ts";

const database = useDatabase();
let dataDirectory: string;

beforeAll(async () => {
  dataDirectory = await mkdtemp(join(tmpdir(), "lightningtalk-export-"));
  const { quarantined } = await writeDamagedData(dataDirectory, 1500);
  await executeHere({ url: database.url, dataDirectory, acceptQuarantined: quarantined });
  return () => rm(dataDirectory, { recursive: true });
});

async function exportTo(directory: string, options: Partial<ExportOptions> & { url?: string } = {}) {
  const url = options.url ?? database.url;
  const signal = new AbortController().signal;
  return await withClient(url, { role: "lt_admin" }, (client) =>
    exportDocuments({ client, url, directory, overwrite: false, reporter: silentReporter, signal, ...options }),
  );
}

async function names(directory: string): Promise<string[]> {
  return (await readdir(directory)).toSorted();
}

test("exported files equal the loaded ones, quarantined documents and the order of the array included", async () => {
  const directory = await makeTempDirectory();
  const files = await exportTo(directory);
  expect(await findFileDifference(dataDirectory, directory)).toBeUndefined();
  expect(await names(directory)).toEqual(files.map(({ file }) => file).toSorted());
  for (const { file, documents, bytes } of files) {
    const text = await readFile(join(directory, file));
    expect({ file, documents, bytes }).toEqual({
      file,
      documents: (JSON.parse(text.toString()) as unknown[]).length,
      bytes: text.length,
    });
  }
});

test("spells minus zero, exact numbers and lone surrogates as the source has them", async () => {
  const directory = await makeTempDirectory();
  await exportTo(directory);
  const events = await readFile(join(directory, "events.json"), "utf8");
  for (const spelled of [
    "12345678901234567890.123",
    `"zero": -0`,
    String.raw`"\ud83d"`,
    String.raw`"a\u0000b"`,
    `"__proto__": {`,
  ])
    expect(events).toContain(spelled);
});

test("a file of ordinary documents has the form in which the application writes it", async () => {
  const directory = await makeTempDirectory();
  await exportTo(directory);
  const text = await readFile(join(directory, "analytics.json"), "utf8");
  expect(text).toBe(JSON.stringify(JSON.parse(text), null, 2));
});

test("an empty collection becomes an empty array", async () => {
  const [url, from, to] = [await makeDatabase(), await makeTempDirectory(), await makeTempDirectory()];
  await writeFile(join(from, "talks.json"), " [ ] ");
  await writeFile(join(from, "users.json"), "[]");
  await executeHere({ url, dataDirectory: from });
  await exportTo(to, { url });
  expect(await names(to)).toEqual(["talks.json", "users.json"]);
  expect(await readFile(join(to, "users.json"), "utf8")).toBe("[]");
});

test("refuses to overwrite unless it is told to, and then replaces whole files", async () => {
  const directory = await makeTempDirectory();
  await writeFile(join(directory, "talks.json"), "mine");
  await writeFile(join(directory, "package.json"), "not a collection");
  await expect(exportTo(directory)).rejects.toMatchObject({
    code: "directory-in-use",
    message: expect.stringContaining("talks.json"),
    hint: expect.stringContaining("--overwrite"),
  });
  expect(await names(directory)).toEqual(["package.json", "talks.json"]);
  await exportTo(directory, { overwrite: true });
  expect(await readFile(join(directory, "package.json"), "utf8")).toBe("not a collection");
  await rm(join(directory, "package.json"));
  expect(await findFileDifference(dataDirectory, directory)).toBeUndefined();
});

/** Exports in a process of its own that is killed where the file of `collection` begins, with those before it written. */
async function exportAndDie(directory: string, collection: string): Promise<void> {
  const source = `
    import { exportDocuments } from ${JSON.stringify(join(PROJECT_ROOT, "ops/migration/export-documents.ts"))};
    import { withClient } from ${JSON.stringify(join(PROJECT_ROOT, "ops/postgres/connection.ts"))};
    import { silentReporter } from ${JSON.stringify(join(PROJECT_ROOT, "test/migration/support/silent-reporter.ts"))};
    const [url, directory, collection] = process.argv.slice(1);
    const step = async (title, run) => {
      if (title === "export " + collection) process.kill(process.pid, "SIGKILL");
      return await run(() => undefined);
    };
    const signal = new AbortController().signal;
    await withClient(url, { role: "lt_admin" }, (client) =>
      exportDocuments({ client, url, directory, overwrite: true, reporter: { ...silentReporter, step }, signal }));`;
  expect(await runModule(source, [database.url, directory, collection])).toMatchObject({
    signal: "SIGKILL",
    stderr: "",
  });
}

test("an export that is killed leaves no file that looks whole and keeps the old ones; the same command finishes", async () => {
  const directory = await makeTempDirectory();
  await writeFile(join(directory, "events.json"), "the old one");
  await exportAndDie(directory, "talks");
  expect((await names(directory)).filter((name) => !name.startsWith("."))).toEqual(["events.json"]);
  expect(await readFile(join(directory, "events.json"), "utf8")).toBe("the old one");
  const again = await runScript("export.mjs", ["--to", directory, "--overwrite"], { DATABASE_URL: database.url });
  expect(again).toMatchObject({ code: 0 });
  expect((await names(directory)).some((name) => name.startsWith("."))).toBe(false);
  expect(await findFileDifference(dataDirectory, directory)).toBeUndefined();
});

test("an interrupted export takes its unfinished files away", async () => {
  const directory = await makeTempDirectory();
  const interrupt = new AbortController();
  const reporter = {
    ...silentReporter,
    progress: () => ({ ...silentReporter.progress(""), update: () => interrupt.abort(new Error("interrupted")) }),
  };
  await expect(exportTo(directory, { signal: interrupt.signal, reporter })).rejects.toThrow("interrupted");
  expect(await names(directory)).toEqual([]);
});

test("says what is wrong with a target that cannot be a directory", async () => {
  const directory = await makeTempDirectory();
  const file = join(directory, "file");
  await writeFile(file, "");
  for (const target of [file, join(file, "below")]) {
    const refused = await runScript("export.mjs", ["--to", target], { DATABASE_URL: database.url });
    expect(refused).toMatchObject({
      code: 1,
      stdout: "",
      stderr: expect.stringContaining(`Error: The files were not written in ${target}: `),
    });
    expect(refused.stderr).not.toContain("bug");
  }
});

test("a name in the database that is no file name is refused before anything is written", async () => {
  const [url, directory] = [await makeDatabase(), await makeTempDirectory()];
  await withClient(url, {}, (client) =>
    client.query(
      `insert into lightningtalk.documents (collection, id, document) values ('../escaped', 'a', '{"id": "a"}')`,
    ),
  );
  await expect(exportTo(directory, { url })).rejects.toMatchObject({
    code: "collection-name",
    message: expect.stringContaining("../escaped"),
  });
  expect(await names(directory)).toEqual([]);
});

describe.runIf(canMount)("on a small disk", () => {
  test("a disk that fills up is named, the old files stay, and what was written goes", async () => {
    const directory = mountSmallDisk("192k");
    await writeFile(join(directory, "events.json"), "the old one");
    await expect(exportTo(directory, { overwrite: true })).rejects.toMatchObject({
      code: "disk-full",
      message: expect.stringContaining(directory),
    });
    expect(await names(directory)).toEqual(["events.json"]);
    expect(await readFile(join(directory, "events.json"), "utf8")).toBe("the old one");
    expect((await statfs(directory)).bavail).toBeGreaterThan(10);
  });
});
