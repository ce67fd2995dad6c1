import { access, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { gunzipSync } from "node:zlib";
import { describe, expect, onTestFinished, test } from "vitest";
import { listBackupSets } from "../../ops/backup/backup-set.ts";
import { verifyBackupSet } from "../../ops/backup/verify-backup-set.ts";
import { OpsError } from "../../ops/errors.ts";
import { cleanupFiles } from "../../ops/migration/cleanup.ts";
import type { CleanupOptions } from "../../ops/migration/cleanup.ts";
import { executeMigration } from "../../ops/migration/execute.ts";
import { verifyStores } from "../../ops/migration/verify/verify-stores.ts";
import { recordEvidence } from "../../ops/migration/verify/evidence.ts";
import { withClient } from "../../ops/postgres/connection.ts";
import { readJournal } from "../../ops/state/journal.ts";
import { stateDirectory } from "../../ops/state/state-directory.ts";
import { makeDataDirectory, readTree, writeContents } from "../backup/data-directory.ts";
import { runModule } from "../support/child-process.ts";
import { cloneDatabase } from "../support/server.ts";
import { silentReporter } from "./support/silent-reporter.ts";

const contents = {
  "events.json": [{ id: "e-1", title: "Tea and talks" }],
  "participants.json": [{ id: "p-1", eventId: "e-1", name: "Mika Ono", email: "mika@example.com" }],
  "settings.json": [{ siteName: "Talks" }],
  "users.json": [{ id: "u-1", name: "Ren" }],
  "package.json": { name: "not an array" },
};
const archived = ["events.json", "participants.json", "settings.json", "users.json"];

interface Migrated {
  dataDirectory: string;
  url: string;
  options: CleanupOptions;
  verify: () => ReturnType<typeof verifyStores>;
}

/** Files that were loaded into a database of their own and verified there. */
async function migrate({ verified = true } = {}): Promise<Migrated> {
  const dataDirectory = await makeDataDirectory(contents);
  const database = await cloneDatabase();
  onTestFinished(() => database.drop());
  const { url } = database;
  const signal = new AbortController().signal;
  const common = { url, dataDirectory, reporter: silentReporter, signal };
  await executeMigration({ ...common, acceptQuarantined: 0, replace: false });
  const verify = () => verifyStores({ ...common, maximumSamples: 5, dryRun: false });
  if (verified && !(await verify()).ok)
    throw new Error("The load that the test begins with is not equal to the files.");
  return { dataDirectory, url, verify, options: { ...common, confirm: async () => undefined, dryRun: false } };
}

const isThere = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

async function remaining(dataDirectory: string): Promise<string[]> {
  return (await readdir(dataDirectory)).filter((name) => name.endsWith(".json")).toSorted();
}

describe("cleanup", () => {
  test("archives the files, removes exactly these, and records it", async () => {
    const { dataDirectory, options } = await migrate();
    const before = new Map(
      await Promise.all(archived.map(async (file) => [file, await readFile(join(dataDirectory, file))] as const)),
    );
    const result = await cleanupFiles(options);
    expect(await remaining(dataDirectory)).toEqual(["package.json"]);
    for (const [file, content] of before)
      expect(gunzipSync(await readFile(join(result.archive!, `${file}.gz`)))).toEqual(content);
    const { manifest } = await verifyBackupSet(result.archive!);
    expect(manifest.reason).toBe("cleanup");
    const last = (await readJournal(stateDirectory(dataDirectory))).at(-1);
    expect(last).toMatchObject({
      event: "migrate cleanup",
      facts: { archive: basename(result.archive!), manifest: manifest.checksum },
    });
    expect(result).toMatchObject({ alreadyDone: false, files: archived.map((file) => ({ file })) });
    expect(result.impossible.length).toBeGreaterThan(0);
  });

  test("asks for the data directory's name before anything is written, and stops on another answer", async () => {
    const { dataDirectory, options } = await migrate();
    const before = await readTree(dataDirectory);
    const asked: string[] = [];
    const warned: string[] = [];
    const confirm = async (_question: string, expected: string): Promise<void> => {
      asked.push(expected);
      throw new OpsError("cancelled", "Not confirmed.");
    };
    const reporter = { ...silentReporter, warn: (line: string) => void warned.push(line) };
    await expect(cleanupFiles({ ...options, confirm, reporter })).rejects.toMatchObject({ code: "cancelled" });
    expect(asked).toEqual([basename(dataDirectory)]);
    expect(warned.join(" ")).toMatch(/can no longer start from its JSON files/);
    expect(await readTree(dataDirectory)).toEqual(before);
  });

  test("lists what it would remove in a dry run, and writes nothing", async () => {
    const { dataDirectory, options } = await migrate();
    const before = await readTree(dataDirectory);
    expect(await cleanupFiles({ ...options, dryRun: true })).toMatchObject({
      dryRun: true,
      archive: undefined,
      files: archived.map((file) => ({ file })),
    });
    expect(await readTree(dataDirectory)).toEqual(before);
  });

  test("says on a second run that it is done, and does nothing", async () => {
    const { dataDirectory, options } = await migrate();
    const first = await cleanupFiles(options);
    const before = await readTree(dataDirectory);
    const asked = async (): Promise<void> => expect.unreachable();
    expect(await cleanupFiles({ ...options, confirm: asked })).toMatchObject({
      alreadyDone: true,
      files: [],
      archive: first.archive,
    });
    expect(await readTree(dataDirectory)).toEqual(before);
  });
});

describe("cleanup refuses, and leaves every file,", () => {
  async function expectRefusal({ dataDirectory, options }: Migrated, expected: object): Promise<void> {
    const before = await readTree(dataDirectory);
    await expect(cleanupFiles(options)).rejects.toMatchObject(expected);
    expect(await readTree(dataDirectory)).toEqual(before);
    expect((await listBackupSets(dataDirectory)).filter(({ manifest }) => manifest?.reason === "cleanup")).toEqual([]);
  }

  test("before anything was verified", async () => {
    const { dataDirectory, options } = await migrate({ verified: false });
    await expect(cleanupFiles(options)).rejects.toMatchObject({ code: "no-evidence" });
    expect(await remaining(dataDirectory)).toEqual(Object.keys(contents).toSorted());
  });

  test("when the newest verification found differences", async () => {
    const migrated = await migrate();
    await withClient(migrated.url, {}, (client) => client.query("update lightningtalk.events set title = 'changed'"));
    expect((await migrated.verify()).ok).toBe(false);
    await expectRefusal(migrated, { code: "stale-evidence" });
  });

  test("when the verification is more than a day old", async () => {
    const migrated = await migrate({ verified: false });
    const { evidence } = await migrated.verify();
    await recordEvidence(migrated.dataDirectory, { ...evidence, at: new Date(Date.now() - 25 * 3600e3).toISOString() });
    await expectRefusal(migrated, { code: "stale-evidence", message: expect.stringContaining("24 hours") });
  });

  test("when the evidence file was edited", async () => {
    const migrated = await migrate();
    const { evidence } = stateDirectory(migrated.dataDirectory);
    const [name] = await readdir(evidence);
    const text = await readFile(join(evidence, name!), "utf8");
    await writeFile(join(evidence, name!), text.replace('"missing": 0', '"missing":  0'));
    await expectRefusal(migrated, {
      code: "stale-evidence",
      message: expect.stringContaining("changed after it was written"),
    });
  });

  test("when a file has changed since", async () => {
    const migrated = await migrate();
    await writeContents(migrated.dataDirectory, { "users.json": [] });
    await expectRefusal(migrated, { code: "stale-evidence", message: expect.stringContaining("users.json") });
  });

  test("when a file has come since", async () => {
    const migrated = await migrate();
    await writeContents(migrated.dataDirectory, { "votes.json": [{ id: "v-1" }] });
    await expectRefusal(migrated, { code: "stale-evidence", message: expect.stringContaining("votes.json") });
  });

  test("when a verified file has gone", async () => {
    const migrated = await migrate();
    await rm(join(migrated.dataDirectory, "users.json"));
    await expectRefusal(migrated, { code: "stale-evidence", message: expect.stringContaining("users.json") });
  });

  test("when the database is another one than the verified one", async () => {
    const migrated = await migrate();
    const other = await cloneDatabase();
    onTestFinished(() => other.drop());
    await expectRefusal(
      { ...migrated, options: { ...migrated.options, url: other.url } },
      { code: "other-database", message: expect.stringContaining(other.name) },
    );
  });

  test.for([
    ["a row was added", "insert into lightningtalk.events (id) values ('e-2')", "events has 2 records"],
    ["a row has gone", "delete from lightningtalk.participants", "participants has 0 records"],
    ["the settings have gone", "delete from lightningtalk.settings", "settings has 0 records"],
    ["a document has gone", "delete from lightningtalk.documents", "users has 0 records"],
    [
      "a new collection has come",
      "insert into lightningtalk.documents (collection, id, document) values ('polls', 'x', '{}')",
      "polls has 1 records",
    ],
    [
      "a document was quarantined",
      "insert into ops.quarantine (collection, position, reason, document) values ('events', 9, 'test', '1')",
      "events has 2 records",
    ],
  ] as const)("when %s in the database", async ([, sql, message]) => {
    const migrated = await migrate();
    await withClient(migrated.url, {}, (client) => client.query(sql));
    await expectRefusal(migrated, { code: "changed-since-verify", message: expect.stringContaining(message) });
  });

  test("when a file is written between the question and its removal", async () => {
    const { dataDirectory, options } = await migrate();
    const confirm = async (): Promise<void> => writeContents(dataDirectory, { "users.json": [{ id: "u-2" }] });
    await expect(cleanupFiles({ ...options, confirm })).rejects.toMatchObject({ code: "source-changed" });
    for (const file of archived) expect(await isThere(join(dataDirectory, file))).toBe(true);
  });
});

describe("a killed cleanup", () => {
  /** Where the child process is killed: with the archive ready, and behind the removal of the nth file. */
  const moments = ["removeFiles", "removed events.json", "removed participants.json", "removed users.json"];

  async function killAt({ dataDirectory, url }: Migrated, moment: string): Promise<void> {
    const { signal, stderr } = await runModule(killedCleanup, [dataDirectory, url, moment]);
    expect({ signal, stderr }).toMatchObject({ signal: "SIGKILL" });
  }

  test.for(moments)("at %s has lost nothing, and the next run ends it with the same archive", async (moment) => {
    const migrated = await migrate();
    const { dataDirectory, options } = migrated;
    const before = new Map(
      await Promise.all(archived.map(async (file) => [file, await readFile(join(dataDirectory, file))] as const)),
    );
    await killAt(migrated, moment);
    const [set] = (await listBackupSets(dataDirectory)).filter(({ manifest }) => manifest?.reason === "cleanup");
    await verifyBackupSet(set!.path);
    const result = await cleanupFiles(options);
    expect(result).toMatchObject({ alreadyDone: false, archive: set!.path });
    expect(await remaining(dataDirectory)).toEqual(["package.json"]);
    for (const [file, content] of before)
      expect(gunzipSync(await readFile(join(set!.path, `${file}.gz`)))).toEqual(content);
    expect(await cleanupFiles(options)).toMatchObject({ alreadyDone: true });
  });

  test("before its archive is made leaves all files, and the next run does all of it", async () => {
    const migrated = await migrate();
    await killAt(migrated, "archiveFiles");
    expect(await remaining(migrated.dataDirectory)).toEqual([...archived, "package.json"].toSorted());
    await cleanupFiles(migrated.options);
    expect(await remaining(migrated.dataDirectory)).toEqual(["package.json"]);
  });

  test("is not gone on with when its archive is damaged and files are gone already", async () => {
    const migrated = await migrate();
    await killAt(migrated, "removed events.json");
    const [set] = (await listBackupSets(migrated.dataDirectory)).filter(
      ({ manifest }) => manifest?.reason === "cleanup",
    );
    await writeFile(join(set!.path, "events.json.gz"), "");
    await expect(cleanupFiles(migrated.options)).rejects.toMatchObject({ code: "backup-damaged" });
    expect(await remaining(migrated.dataDirectory)).toEqual([
      "package.json",
      "participants.json",
      "settings.json",
      "users.json",
    ]);
  });

  test("whose archive is damaged is begun anew while all files are there", async () => {
    const migrated = await migrate();
    await killAt(migrated, "removeFiles");
    const [set] = (await listBackupSets(migrated.dataDirectory)).filter(
      ({ manifest }) => manifest?.reason === "cleanup",
    );
    await writeFile(join(set!.path, "events.json.gz"), "");
    const { archive } = await cleanupFiles(migrated.options);
    expect(archive).not.toBe(set!.path);
    await verifyBackupSet(archive!);
    expect(await remaining(migrated.dataDirectory)).toEqual(["package.json"]);
  });
});

const project = join(import.meta.dirname, "../..");
const killedCleanup = `
  import { cleanupFiles } from "${project}/ops/migration/cleanup.ts";
  const [, dataDirectory, url, moment] = process.argv;
  const killAt = (now) => now === moment && process.kill(process.pid, "SIGKILL");
  const step = async (title, run) => {
    killAt(title);
    return await run(() => undefined);
  };
  const progress = () => ({ update: () => undefined, finish: () => undefined });
  const reporter = { step, progress, note: () => undefined, warn: () => undefined, detail: killAt };
  const signal = new AbortController().signal;
  await cleanupFiles({ dataDirectory, url, reporter, confirm: async () => undefined, dryRun: false, signal });
`;
