import { appendFile, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { verifyBackupSet } from "../../ops/backup/verify-backup-set.ts";
import type { Reporter } from "../../ops/cli/reporter.ts";
import { executeMigration } from "../../ops/migration/execute.ts";
import { judgeVersion } from "../../ops/migration/prepare/check-database.ts";
import { checkSpace } from "../../ops/migration/prepare/check-space.ts";
import { describePrepare } from "../../ops/migration/prepare/describe-prepare.ts";
import { prepareMigration } from "../../ops/migration/prepare/prepare.ts";
import type { PrepareOptions } from "../../ops/migration/prepare/prepare.ts";
import { withClient } from "../../ops/postgres/connection.ts";
import { makeDataDirectory, readTree, writeContents } from "../backup/data-directory.ts";
import { adminUrl, databaseUrl } from "../support/server.ts";
import { useDatabase } from "../support/test-database.ts";
import { silentReporter } from "./support/silent-reporter.ts";

const database = useDatabase();

const contents = {
  "events.json": [{ id: "e-1", title: "Tea and talks" }],
  "participants.json": [{ id: "p-1", eventId: "e-1", name: "Mika Ono", email: "mika@example.com" }],
  "settings.json": [{ siteName: "Talks" }],
};

function optionsFor(dataDirectory: string, more: Partial<PrepareOptions> = {}): PrepareOptions {
  const url = more.url ?? database.url;
  const config = { databaseUrl: url, ltHome: "/nonexistent" };
  return {
    config,
    dataDirectory,
    url,
    reporter: silentReporter,
    signal: new AbortController().signal,
    dryRun: false,
    ...more,
  };
}

describe("broken files", () => {
  const broken: [what: string, content: string | Uint8Array, message: RegExp][] = [
    ["an empty file", "", /talks\.json:1:1: the file is empty/],
    ["a byte order mark", "\ufeff[]", /talks\.json:1:1: .*byte order mark/],
    ["a file cut off inside a string", '[\n  {"id": "t-1', /talks\.json:2:\d+: the file ends inside a string/],
    ["a file cut off between elements", '[\n  {"id": "t-1"},', /talks\.json:2:\d+: the file ends/],
    ["a trailing comma", '[{"id":"t-1"},\n]', /talks\.json:2:1: a comma stands before the closing/],
    ["a single quote", "[\n{'id': 1}]", /talks\.json:2:2: expected a key in double quotes/],
    ["a number with a leading zero", '[{"n": 01}]', /talks\.json:1:\d+: a number has a leading zero/],
    ["an object instead of an array", "{}", /talks\.json:1:1: the file holds an object/],
    ["null instead of an array", "null", /talks\.json:1:1: expected \[/],
    ["text behind the array", "[]\n[]", /talks\.json:2:1: unexpected/],
    [
      "bytes that are not UTF-8",
      Buffer.from([0x5b, 0x22, 0xe6, 0x97, 0x22, 0x5d]),
      /talks\.json:1:3: byte 0xe6 is not valid UTF-8/,
    ],
    ["a raw control character", '["a\u0001b"]', /talks\.json:1:4: .*control character/],
  ];

  test.for(broken)("names line and column of %s, and writes nothing", async ([, content, message]) => {
    const directory = await makeDataDirectory({ ...contents, "talks.json": content });
    const before = await readTree(directory);
    await expect(prepareMigration(optionsFor(directory))).rejects.toMatchObject({
      code: "broken-json",
      message: expect.stringMatching(message),
    });
    expect(await readTree(directory)).toEqual(before);
  });

  test("are reported all together", async () => {
    const directory = await makeDataDirectory({
      ...contents,
      "talks.json": "[{]",
      "users.json": "",
      "votes.json": "[1,,2]",
    });
    const error = await prepareMigration(optionsFor(directory)).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      code: "broken-json",
      message: expect.stringMatching(
        /^3 files are broken: talks\.json:1:3: .*; users\.json:1:1: .*; votes\.json:1:4: .*\.$/,
      ),
      details: {
        files: [
          { line: 1, column: 3 },
          { line: 1, column: 1 },
          { line: 1, column: 4 },
        ],
      },
    });
  });
});

describe("what is written", () => {
  test("is one verified backup set and nothing else", async () => {
    const directory = await makeDataDirectory({ ...contents, "package.json": { name: "not an array" } });
    const before = await readTree(directory);
    const { backup, ignored } = await prepareMigration(optionsFor(directory));
    const after = await readTree(directory);
    expect(after).toMatchObject(before);
    const added = Object.keys(after).filter((name) => !(name in before));
    const set = `.lightningtalk/backups/${backup!.set.name}`;
    expect(added).toEqual(
      [".lightningtalk", ".lightningtalk/backups", ".lightningtalk/backups/.lock", set].concat(
        ["events.json.gz", "manifest.json", "participants.json.gz", "settings.json.gz"].map((name) => `${set}/${name}`),
      ),
    );
    expect(ignored).toEqual(["package.json"]);
    await verifyBackupSet(backup!.set.path);
  });

  test("is nothing at all in a dry run", async () => {
    const directory = await makeDataDirectory(contents);
    const before = await readTree(directory);
    const result = await prepareMigration(optionsFor(directory, { dryRun: true }));
    expect(await readTree(directory)).toEqual(before);
    expect(result.backup).toBeUndefined();
    expect(describePrepare(result)).toContain("A backup set would be made.");
  });

  test("is nothing in the database, not even a schema", async () => {
    const url = await emptyDatabase("lt_prepare_untouched");
    const look = async () =>
      await withClient(url, {}, async (client) => {
        const { rows } = await client.query(
          "select nspname as name from pg_namespace union all select rolname from pg_roles order by name",
        );
        return rows;
      });
    const before = await look();
    await withClient(url, {}, (client) =>
      client.query("alter database lt_prepare_untouched set default_transaction_read_only = on"),
    );
    const { database: report } = await prepareMigration(optionsFor(await makeDataDirectory(contents), { url }));
    expect(report.schema).toBeUndefined();
    expect(await look()).toEqual(before);
  });
});

describe("a second run", () => {
  test("on unchanged files reads the set back and makes no other", async () => {
    const directory = await makeDataDirectory(contents);
    const first = await prepareMigration(optionsFor(directory));
    const before = await readTree(directory);
    const second = await prepareMigration(optionsFor(directory));
    expect(second.backup).toEqual({ set: first.backup!.set, reused: true });
    expect(await readTree(directory)).toEqual(before);
  });

  test("makes another set when the first is damaged, and says why", async () => {
    const directory = await makeDataDirectory(contents);
    const first = await prepareMigration(optionsFor(directory));
    const warnings: string[] = [];
    const archive = join(first.backup!.set.path, "events.json.gz");
    const size = first.backup!.set.manifest.files[0]!.gzip.bytes;
    await writeFile(archive, Buffer.alloc(size, 1));
    const second = await prepareMigration(
      optionsFor(directory, { reporter: { ...silentReporter, warn: (line) => warnings.push(line) } }),
    );
    expect(second.backup).toMatchObject({ reused: false });
    expect(warnings).toEqual([expect.stringMatching(/is damaged: events\.json\.gz/)]);
  });

  test("makes another set when a file has changed", async () => {
    const directory = await makeDataDirectory(contents);
    await prepareMigration(optionsFor(directory));
    await writeContents(directory, { "talks.json": [] });
    expect(await prepareMigration(optionsFor(directory))).toMatchObject({ backup: { reused: false } });
    expect(
      (await readdir(join(directory, ".lightningtalk/backups"))).filter((name) => name.includes("-files")),
    ).toHaveLength(2);
  });

  test("after a load says what is loaded, and which files need --replace", async () => {
    const directory = await makeDataDirectory(contents);
    const url = await emptyDatabase("lt_prepare_loaded");
    const common = { url, reporter: silentReporter, signal: new AbortController().signal };
    await executeMigration({ ...common, dataDirectory: directory, acceptQuarantined: 0, replace: false });
    const same = await prepareMigration(optionsFor(directory, { url }));
    expect(same.database.loads.map(({ collection }) => collection).toSorted()).toEqual([
      "events",
      "participants",
      "settings",
    ]);
    expect(same.database.filledTables).toContain("lightningtalk.events");
    expect(same.loadedOtherwise).toEqual([]);
    await writeContents(directory, { "events.json": [{ id: "e-1" }, { id: "e-2" }] });
    const changed = await prepareMigration(optionsFor(directory, { url }));
    expect(changed).toMatchObject({
      loadedOtherwise: ["events.json"],
      nextCommand: expect.stringMatching(/--replace$/),
    });
  });
});

describe("refuses", () => {
  test("a file that is written while it is read", async () => {
    const directory = await makeDataDirectory(contents);
    const reporter: Reporter = {
      ...silentReporter,
      progress: (label) => ({
        ...silentReporter.progress(label),
        update: () => {
          if (label === "events.json") appendNow(join(directory, "events.json"));
        },
      }),
    };
    let written: Promise<void> | undefined;
    const appendNow = (path: string): void => void (written ??= appendFile(path, "\n"));
    const preparing = prepareMigration(optionsFor(directory, { reporter }));
    await expect(preparing).rejects.toMatchObject({
      code: "source-changed",
      message: expect.stringContaining("events.json"),
    });
    await written;
    expect(await readdir(directory)).not.toContain(".lightningtalk");
  });

  test("to go on after Ctrl-C, with its reason", async () => {
    const reason = new Error("the person pressed Ctrl-C");
    const directory = await makeDataDirectory(contents);
    await expect(prepareMigration(optionsFor(directory, { signal: AbortSignal.abort(reason) }))).rejects.toBe(reason);
    expect(await readdir(directory)).not.toContain(".lightningtalk");
  });

  test("a database that does not answer, after the files were read", async () => {
    const directory = await makeDataDirectory(contents);
    const url = "postgresql://nobody@127.0.0.1:1/none";
    await expect(prepareMigration(optionsFor(directory, { url }))).rejects.toMatchObject({
      code: "database-unreachable",
    });
    expect(await readdir(directory)).not.toContain(".lightningtalk");
  });

  test("a user who may not do what the load needs, naming every missing privilege", async () => {
    const url = await emptyDatabase("lt_prepare_privileges");
    const user = await login("lt_prepare_nobody");
    const directory = await makeDataDirectory(contents);
    const target = new URL(url);
    target.username = user;
    target.password = "test";
    await expect(prepareMigration(optionsFor(directory, { url: target.href }))).rejects.toMatchObject({
      code: "missing-privileges",
      details: {
        user,
        missing: [
          expect.stringContaining("membership in lt_admin"),
          "CREATE on the database lt_prepare_privileges (for the schemas lightningtalk and ops)",
          "ownership of the database lt_prepare_privileges (to say who may connect)",
        ],
      },
    });
    await withClient(url, {}, (client) =>
      client.query(`grant lt_admin to ${user}; alter database lt_prepare_privileges owner to ${user}`),
    );
    expect(await prepareMigration(optionsFor(directory, { url: target.href }))).toMatchObject({ database: { user } });
    await withClient(url, {}, (client) => client.query(`alter database lt_prepare_privileges owner to current_user`));
  });

  test("a disk that is too small, also for several needs together", async () => {
    const directory = await makeDataDirectory(contents);
    const [space] = await checkSpace([{ purpose: "the backup set", directory, needed: 1 }]);
    const half = { directory, needed: Math.ceil(space!.free * 0.6) };
    expect(await checkSpace([{ purpose: "the backup set", ...half }])).toHaveLength(1);
    const both = [
      { purpose: "the backup set", ...half },
      { purpose: "the database", ...half },
    ];
    await expect(checkSpace(both)).rejects.toMatchObject({
      code: "disk-space",
      message: expect.stringMatching(/too small for the database/),
    });
  });

  test("servers before PostgreSQL 15, and warns of those after 18", () => {
    expect(() => judgeVersion(140_019, "14.19")).toThrow(
      expect.objectContaining({ code: "server-too-old", message: expect.stringContaining("14.19") }),
    );
    expect(judgeVersion(150_000, "15.0")).toEqual([]);
    expect(judgeVersion(180_004, "18.4")).toEqual([]);
    expect(judgeVersion(190_000, "19.0")).toEqual([expect.stringContaining("newer than 18")]);
  });

  test("a directory without data", async () => {
    await expect(prepareMigration(optionsFor(await makeDataDirectory({})))).rejects.toMatchObject({ code: "no-data" });
  });
});

/** A database without any schema of ours. */
async function emptyDatabase(name: string): Promise<string> {
  const admin = await adminUrl();
  await withClient(admin, {}, (client) => client.query(`create database ${name}`));
  onTestFinished(() =>
    withClient(admin, {}, async (client) => void (await client.query(`drop database ${name} with (force)`))),
  );
  return databaseUrl(admin, name);
}

async function login(name: string): Promise<string> {
  const admin = await adminUrl();
  await withClient(admin, {}, (client) => client.query(`create role ${name} login password 'test'`));
  onTestFinished(() => withClient(admin, {}, async (client) => void (await client.query(`drop role ${name}`))));
  return name;
}
