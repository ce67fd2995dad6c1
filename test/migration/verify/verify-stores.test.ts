import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { fingerprintFile } from "../../../ops/migration/fingerprint.ts";
import { findSources } from "../../../ops/migration/sources.ts";
import { requireFreshEvidence } from "../../../ops/migration/verify/evidence.ts";
import { verifyStores } from "../../../ops/migration/verify/verify-stores.ts";
import type { VerifyResult } from "../../../ops/migration/verify/verify-stores.ts";
import { withClient } from "../../../ops/postgres/connection.ts";
import { migrateSchema } from "../../../ops/postgres/schema.ts";
import { useDatabase } from "../../support/test-database.ts";
import { emptyTables, loadFiles } from "../support/load-files.ts";
import { silentReporter } from "../support/silent-reporter.ts";

const database = useDatabase();
let directory = "";
beforeAll(async () => {
  // A copied database lacks the privileges on the database itself.
  await migrateSchema(database.url);
  directory = await mkdtemp(join(tmpdir(), "lt-verify-"));
});
beforeEach(() => emptyTables(database.url));
afterAll(() => rm(directory, { recursive: true }));

async function write(name: string, documents: readonly unknown[] | string): Promise<void> {
  await writeFile(
    join(directory, `${name}.json`),
    typeof documents === "string" ? documents : JSON.stringify(documents),
  );
}

async function verify(): Promise<VerifyResult> {
  const signal = new AbortController().signal;
  return await verifyStores({
    url: database.url,
    dataDirectory: directory,
    reporter: silentReporter,
    signal,
    maximumSamples: 5,
    dryRun: false,
  });
}

async function evidenceCounts(): Promise<boolean> {
  const { sources } = await findSources(directory);
  const prints = await Promise.all(
    sources.map(async ({ file, path }) => [file, (await fingerprintFile(path)).sha256] as const),
  );
  return await requireFreshEvidence(directory, new Map(prints)).then(
    () => true,
    () => false,
  );
}

const user = {
  id: "user-1",
  name: "Taro",
  passwordHash: "$2b$10$abcdef",
  apiToken: "t-0",
  "a/b~c": { "~": [1, { "/": "x" }] },
  age: 30,
  active: true,
  none: null,
  list: [1, 2],
  nested: { passwordHash: "inner" },
};

describe("a file that changed after the load", () => {
  /** What is changed in the file, and the pointer and the two values that have to be reported. */
  const changes: [string, Record<string, unknown>, string, string | undefined, string | undefined][] = [
    ["a string", { name: "Taro " }, "/name", '"Taro "', '"Taro"'],
    ["a number", { age: 31 }, "/age", "31", "30"],
    ["a number that became a string", { age: "30" }, "/age", '"30"', "30"],
    ["a boolean", { active: false }, "/active", "false", "true"],
    ["a null that became absent", { none: undefined }, "/none", undefined, "null"],
    ["an absent value that became null", { more: null }, "/more", "null", undefined],
    ["an item", { list: [1, 3] }, "/list/1", "3", "2"],
    ["an item more", { list: [1, 2, 3] }, "/list/2", "3", undefined],
    ["an array that became an object", { list: { 0: 1, 1: 2 } }, "/list", '{"0":1,"1":2}', "[1,2]"],
    [
      "a value under keys that a pointer escapes",
      { "a/b~c": { "~": [1, { "/": "y" }] } },
      "/a~1b~0c/~0/1/~1",
      '"y"',
      '"x"',
    ],
    ["a secret", { passwordHash: "$2b$10$other" }, "/passwordHash", '"(masked)"', '"(masked)"'],
    ["a secret inside", { nested: { passwordHash: "other" } }, "/nested/passwordHash", '"(masked)"', '"(masked)"'],
    ["an object around a secret", { nested: 5 }, "/nested", "5", '{"passwordHash":"(masked)"}'],
    ["a token", { apiToken: "t-1" }, "/apiToken", '"(masked)"', '"(masked)"'],
  ];

  test.each(changes)("is reported: %s", async (_name, change, pointer, file, stored) => {
    await write("users", [user]);
    await loadFiles(database.url, directory);
    await write("users", [{ ...user, ...change }]);
    const { ok, differences, evidence } = await verify();
    expect(ok).toBe(false);
    const place = { class: "different", collection: "users", id: "user-1", index: 0, position: 0 };
    expect(differences).toEqual([{ ...place, pointer, file, database: stored }]);
    expect(evidence.collections).toContainEqual(
      expect.objectContaining({ collection: "users", different: 1, missing: 0, extra: 0, moved: 0 }),
    );
  });
});

test("masks the secrets of documents that are missing or extra as a whole", async () => {
  await write("users", [user]);
  await loadFiles(database.url, directory);
  await write("users", [{ ...user, id: "user-2" }]);
  const { differences } = await verify();
  expect(differences.map((difference) => difference.class).toSorted()).toEqual(["extra", "missing"]);
  expect(JSON.stringify(differences)).not.toMatch(/2b\$10|inner|t-0/);
});

test("verifies equal stores, and its evidence counts until a difference is found", async () => {
  await write("users", [user, { id: "user-2" }]);
  await loadFiles(database.url, directory);
  expect(await verify()).toMatchObject({ ok: true, differences: [] });
  expect(await evidenceCounts()).toBe(true);
  await withClient(database.url, {}, (client) =>
    client.query("delete from lightningtalk.documents where id = 'user-2'"),
  );
  const { ok, evidence } = await verify();
  expect([ok, evidence.ok]).toEqual([false, false]);
  expect(await evidenceCounts()).toBe(false);
});

test("reports rows of a collection that has no file", async () => {
  await write("users", [user]);
  await loadFiles(database.url, directory);
  await withClient(database.url, {}, (client) =>
    client.query(`insert into lightningtalk.documents values ('ghosts', 'g', 1, '{"id": "g"}')`),
  );
  const { ok, differences } = await verify();
  expect(ok).toBe(false);
  expect(differences).toMatchObject([{ class: "extra", collection: "ghosts", id: "g" }]);
});

test("compares documents that are too deep to walk, and reports a difference between them", async () => {
  const deep = (leaf: string) => `{"id":"deep","a":${"[".repeat(50_000)}${leaf}${"]".repeat(50_000)}}`;
  await write("users", `[${deep("1")},${JSON.stringify(user)}]`);
  await loadFiles(database.url, directory);
  expect(await verify()).toMatchObject({ ok: true });
  await write("users", `[${deep("2")},${JSON.stringify(user)}]`);
  const { ok, differences } = await verify();
  expect(ok).toBe(false);
  const shown = "(nested deeper than 1000 levels)";
  expect(differences).toMatchObject([{ class: "different", id: "deep", pointer: "", file: shown, database: shown }]);
});

test("refuses a broken file, naming the place", async () => {
  await write("users", [user]);
  await loadFiles(database.url, directory);
  await write("users", '[{"id": "user-1",\n "name" 1}]');
  await expect(verify()).rejects.toMatchObject({ code: "broken-json", details: { line: 2, column: 9 } });
});
