import { appendFile, copyFile, readdir, readFile, rm, stat, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { findPreparedSet, listBackupSets } from "../../ops/backup/backup-set.ts";
import { createFileBackup } from "../../ops/backup/create-file-backup.ts";
import { verifyBackupSet } from "../../ops/backup/verify-backup-set.ts";
import { runModule } from "../support/child-process.ts";
import { makeDataDirectory, readSources, writeContents } from "./data-directory.ts";
import { canMount, mountSmallDisk } from "./small-disk.ts";

const people = [
  { id: "p-1", name: "Aoi Fujita", email: "aoi@example.com" },
  { id: "p-2", name: "石井 空", email: "sora@example.com" },
];
const contents = { "participants.json": people, "events.json": "[ ]\n", "notes.json": [{ id: "n-1" }] };

async function makeSet(directory: string) {
  return await createFileBackup({
    ...(await readSources(directory)),
    reason: "prepare",
    signal: new AbortController().signal,
  });
}

const backupsIn = (directory: string): string => join(directory, ".lightningtalk/backups");

async function visible(directory: string): Promise<string[]> {
  return (await readdir(backupsIn(directory))).filter((name) => name !== ".lock");
}

describe("createFileBackup", () => {
  test("keeps the bytes of every file and says what they are", async () => {
    const directory = await makeDataDirectory(contents);
    const { path, manifest } = await makeSet(directory);
    for (const { name, bytes } of manifest.files) {
      const source = await readFile(join(directory, name));
      expect(gunzipSync(await readFile(join(path, `${name}.gz`)))).toEqual(source);
      expect(bytes).toBe(source.length);
    }
    expect(manifest).toMatchObject({ formatVersion: 1, source: "files", reason: "prepare" });
    expect(manifest.files.map(({ name, documents }) => [name, documents])).toEqual([
      ["events.json", 0],
      ["participants.json", 2],
      ["notes.json", 1],
    ]);
    await expect(verifyBackupSet(path)).resolves.toMatchObject({ path, manifest });
  });

  test("lets nobody but the owner read a set", async () => {
    const { path, manifest } = await makeSet(await makeDataDirectory(contents));
    expect((await stat(path)).mode & 0o777).toBe(0o700);
    for (const name of ["manifest.json", ...manifest.files.map((file) => `${file.name}.gz`)]) {
      expect((await stat(join(path, name))).mode & 0o777).toBe(0o600);
    }
  });

  test("gives each of several sets of the same second a name of its own", async () => {
    const directory = await makeDataDirectory(contents);
    const sets = await Promise.all([makeSet(directory), makeSet(directory), makeSet(directory), makeSet(directory)]);
    expect(new Set(sets.map(({ name }) => name)).size).toBe(4);
    expect(await visible(directory)).toHaveLength(4);
    for (const { path } of sets) await verifyBackupSet(path);
  });

  test("refuses a file that is another one than was fingerprinted, and leaves no set", async () => {
    const directory = await makeDataDirectory(contents);
    const read = await readSources(directory);
    await writeContents(directory, { "participants.json": [...people, { id: "p-3" }] });
    const making = createFileBackup({ ...read, reason: "prepare", signal: new AbortController().signal });
    await expect(making).rejects.toMatchObject({
      code: "source-changed",
      message: expect.stringContaining("participants.json"),
    });
    expect(await visible(directory)).toEqual([]);
  });

  test("refuses a file that grows while it is copied", async () => {
    const directory = await makeDataDirectory({ ...contents, "participants.json": manyPeople(20_000) });
    const read = await readSources(directory);
    let grown: Promise<void> | undefined;
    const onProgress = (bytes: number): void => {
      if (bytes > 1e6) grown ??= appendFile(join(directory, "participants.json"), " ");
    };
    const making = createFileBackup({ ...read, reason: "prepare", onProgress, signal: new AbortController().signal });
    await expect(making).rejects.toMatchObject({ code: "source-changed" });
    await grown;
    expect(await visible(directory)).toEqual([]);
  });

  test("stops on Ctrl-C with its reason, and leaves no set", async () => {
    const directory = await makeDataDirectory({ "participants.json": manyPeople(20_000) });
    const controller = new AbortController();
    const reason = new Error("the person pressed Ctrl-C");
    const onProgress = (): void => controller.abort(reason);
    const making = createFileBackup({
      ...(await readSources(directory)),
      reason: "prepare",
      onProgress,
      signal: controller.signal,
    });
    await expect(making).rejects.toBe(reason);
    expect(await visible(directory)).toEqual([]);
  });

  // Of each byte the progress tells twice: 0.3 is in the middle of copying, 0.9 in the middle of reading back.
  test.for([0, 0.3, 0.9, 1])(
    "leaves nothing that looks like a set when it is killed at %d of its work",
    async (share) => {
      const directory = await makeDataDirectory({ "events.json": [], "participants.json": manyPeople(20_000) });
      const total = 2 * ((await stat(join(directory, "participants.json"))).size + 2);
      const { signal } = await runModule(killedBackup, [directory, String(share * total)]);
      expect(signal).toBe("SIGKILL");
      expect(await visible(directory)).toEqual([expect.stringMatching(/^\.creating-/)]);
      expect(await listBackupSets(directory)).toEqual([]);
      const { name } = await makeSet(directory);
      expect(await visible(directory)).toEqual([name]);
    },
  );

  test.runIf(canMount)("says that the disk is full, and leaves no half set", async () => {
    const directory = mountSmallDisk("3m");
    await writeContents(directory, { "participants.json": JSON.stringify([{ id: "p-1", note: noise(2_000_000) }]) });
    await expect(makeSet(directory)).rejects.toMatchObject({
      code: "disk-full",
      message: expect.stringMatching(/No space is left for a backup set in .*backups \(\d+ MB free/),
    });
    expect(await visible(directory)).toEqual([]);
  });
});

describe("verifyBackupSet", () => {
  const damages: [what: string, damage: (path: string) => Promise<void>, message: RegExp][] = [
    [
      "one flipped bit in an archive",
      (path) => flipBit(join(path, "participants.json.gz"), 40),
      /participants\.json\.gz (has another SHA-256|cannot be unpacked)/,
    ],
    [
      "an archive that was cut off",
      (path) => truncate(join(path, "participants.json.gz"), 60),
      /participants\.json\.gz (cannot be unpacked|has 60 bytes)/,
    ],
    [
      "an archive of other content",
      (path) => copyFile(join(path, "events.json.gz"), join(path, "participants.json.gz")),
      /participants\.json\.gz has \d+ bytes instead of/,
    ],
    ["a missing archive", (path) => rm(join(path, "events.json.gz")), /events\.json\.gz is missing/],
    ["a missing manifest", (path) => rm(join(path, "manifest.json")), /manifest\.json is missing/],
    [
      "a file that the manifest does not name",
      (path) => writeFile(join(path, "users.json.gz"), ""),
      /users\.json\.gz is not in the manifest/,
    ],
    [
      "an edited count",
      (path) => editManifest(path, (text) => text.replace('"documents": 2', '"documents": 3')),
      /manifest\.json was edited/,
    ],
    [
      "an edited time",
      (path) => editManifest(path, (text) => text.replace(/"createdAt": "2/, '"createdAt": "1')),
      /manifest\.json was edited/,
    ],
    [
      "a manifest that names a file elsewhere",
      (path) => editManifest(path, (text) => text.replace("events.json", "../events.json")),
      /manifest\.json is no manifest/,
    ],
    [
      "a manifest that is no JSON",
      (path) => editManifest(path, (text) => text.slice(0, 100)),
      /manifest\.json is no manifest/,
    ],
  ];

  test.for(damages)("finds %s", async ([, damage, message]) => {
    const { path } = await makeSet(await makeDataDirectory(contents));
    await damage(path);
    await expect(verifyBackupSet(path)).rejects.toMatchObject({
      code: "backup-damaged",
      message: expect.stringMatching(message),
    });
  });

  test("takes a manifest that was only laid out anew", async () => {
    const { path } = await makeSet(await makeDataDirectory(contents));
    await editManifest(path, (text) => JSON.stringify(JSON.parse(text)));
    await expect(verifyBackupSet(path)).resolves.toMatchObject({ path });
  });
});

describe("findPreparedSet", () => {
  test("finds the newest set that holds the files as they are", async () => {
    const directory = await makeDataDirectory(contents);
    const { fingerprints } = await readSources(directory);
    expect(await findPreparedSet(directory, fingerprints)).toBeUndefined();
    await makeSet(directory);
    const { name } = await makeSet(directory);
    expect(await findPreparedSet(directory, fingerprints)).toMatchObject({ name });
  });

  test("knows no set for files that have changed or come since", async () => {
    const directory = await makeDataDirectory(contents);
    await makeSet(directory);
    await writeContents(directory, { "users.json": [] });
    expect(await findPreparedSet(directory, (await readSources(directory)).fingerprints)).toBeUndefined();
    await rm(join(directory, "users.json"));
    await writeContents(directory, { "participants.json": [] });
    expect(await findPreparedSet(directory, (await readSources(directory)).fingerprints)).toBeUndefined();
  });

  test("passes over sets with a damaged manifest or a missing archive, which stay listed", async () => {
    const directory = await makeDataDirectory(contents);
    const good = await makeSet(directory);
    const edited = await makeSet(directory);
    const incomplete = await makeSet(directory);
    await editManifest(edited.path, (text) => text.replace('"documents": 2', '"documents": 3'));
    await rm(join(incomplete.path, "events.json.gz"));
    expect(await findPreparedSet(directory, (await readSources(directory)).fingerprints)).toMatchObject({
      name: good.name,
    });
    const listed = await listBackupSets(directory);
    expect(listed.map(({ name }) => name).toSorted()).toEqual([good.name, edited.name, incomplete.name].toSorted());
    expect(listed.find(({ name }) => name === edited.name)?.damage).toMatch(/manifest\.json was edited/);
  });
});

test("backs up and reads back a file in much less memory than its size", async () => {
  const directory = await makeDataDirectory({});
  const line = `${JSON.stringify({ id: "x", text: noise(2000) })},\n`;
  await writeFile(join(directory, "talks.json"), `[${line.repeat(200_000)}{}]`);
  const { stdout } = await runModule(measuredBackup, [directory]);
  expect((await stat(join(directory, "talks.json"))).size).toBeGreaterThan(400e6);
  expect(Number(stdout)).toBeLessThan(200e6);
});

function manyPeople(count: number): object[] {
  return Array.from({ length: count }, (_, i) => ({
    id: `p-${i}`,
    name: `Person ${i}`,
    email: `person${i}@example.com`,
    message: noise(20),
  }));
}

let state = 1;
/** Text that hardly packs; the same in every run. */
function noise(length: number): string {
  let text = "";
  while (text.length < length) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    text += state.toString(36);
  }
  return text.slice(0, length);
}

async function flipBit(path: string, offset: number): Promise<void> {
  const bytes = await readFile(path);
  bytes[offset]! ^= 1;
  await writeFile(path, bytes);
}

async function editManifest(path: string, edit: (text: string) => string): Promise<void> {
  const file = join(path, "manifest.json");
  const text = await readFile(file, "utf8");
  expect(edit(text)).not.toBe(text);
  await writeFile(file, edit(text));
}

const project = join(import.meta.dirname, "../..");
const imports = `
  import { createFileBackup } from "${project}/ops/backup/create-file-backup.ts";
  import { findSources } from "${project}/ops/migration/sources.ts";
  import { fingerprintFile } from "${project}/ops/migration/fingerprint.ts";
  const [, dataDirectory, killAt] = process.argv;
  const { sources } = await findSources(dataDirectory);
  const fingerprints = await Promise.all(sources.map(({ path }) => fingerprintFile(path)));
  const options = { dataDirectory, sources, fingerprints, reason: "prepare" as const, signal: new AbortController().signal };
`;
const killedBackup = `${imports}
  await createFileBackup({ ...options, onProgress: (bytes) => bytes >= Number(killAt) && process.kill(process.pid, "SIGKILL") });
`;
const measuredBackup = `${imports}
  let peak = 0;
  await createFileBackup({ ...options, onProgress: () => (peak = Math.max(peak, process.memoryUsage.rss())) });
  process.stdout.write(String(peak));
`;
