import { readFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { beforeEach, describe, expect, test } from "vitest";
import { collectionNamed } from "../../ops/collections/registry.ts";
import { parseExact, stringifyExact } from "../../ops/json/value.ts";
import type { JsonValue } from "../../ops/json/value.ts";
import { exportDocuments } from "../../ops/migration/export-documents.ts";
import type { LoadProgress } from "../../ops/migration/load/load-progress.ts";
import { readStoredDocuments } from "../../ops/migration/verify/database-records.ts";
import type { StoredDocument } from "../../ops/migration/verify/database-records.ts";
import { connect, withClient } from "../../ops/postgres/connection.ts";
import { jsonText } from "../json/arbitrary-text.ts";
import { readWhole } from "../json/read-whole.ts";
import { emptyTables, loadFiles, writeData } from "../migration/support/load-files.ts";
import { findDifference } from "../migration/support/same-json.ts";
import { silentReporter } from "../migration/support/silent-reporter.ts";
import { useDatabase } from "../support/test-database.ts";
import { documentFields, eventIds } from "./arbitrary-document.ts";
import { hardIds, hardMembers, hardValues, unusableElements } from "./hard-documents.ts";

const database = useDatabase();
beforeEach(() => emptyTables(database.url));

const names = ["events", "participants", "talks", "analytics", "users"] as const;

async function readStored(name: string): Promise<StoredDocument[]> {
  return await withClient(database.url, {}, async (client) => {
    return (await Array.fromAsync(readStoredDocuments(client, collectionNamed(name)))).flat();
  });
}

/** Exports the whole database and returns the directory. */
async function exportAll(): Promise<string> {
  const directory = await writeData({});
  const client = await connect(database.url, { role: "lt_admin" });
  try {
    await exportDocuments({
      client,
      url: database.url,
      directory,
      overwrite: true,
      reporter: silentReporter,
      signal: new AbortController().signal,
    });
  } finally {
    await client.end();
  }
  return directory;
}

/** Demands that rows and export hold the elements of each file, in its order. */
async function expectWhole(directory: string, loaded: Map<string, LoadProgress>): Promise<void> {
  const exported = await exportAll();
  for (const [name, { complete }] of loaded) {
    expect(complete).toBe(true);
    const source = await readWhole(join(directory, `${name}.json`));
    await expectStored(
      name,
      source.map(({ text }) => text),
    );
    const back = await readWhole(join(exported, `${name}.json`));
    expect(back.length, name).toBe(source.length);
    for (const [i, { text }] of back.entries()) expectSame(text, source[i]!.text, `${name}[${i}] exported`);
    // The application reads the whole file at once.
    expect(JSON.parse(await readFile(join(exported, `${name}.json`), "utf8"))).toHaveLength(source.length);
  }
}

async function expectStored(name: string, texts: string[]): Promise<void> {
  const stored = await readStored(name);
  expect(stored.length, name).toBe(texts.length);
  for (const [i, { document, text, contradiction }] of stored.entries()) {
    expectSame(text ?? stringifyExact(document), texts[i]!, `${name}[${i}]`);
    expect(contradiction, `${name}[${i}] ${texts[i]!.slice(0, 300)}`).toBeUndefined();
  }
}

/** Equal texts are equal values, also those too deep to walk. */
function expectSame(actual: string, expected: string, place: string): void {
  if (actual === expected) return;
  expect(
    findDifference(parseExact(actual), parseExact(expected)),
    `${place} ${expected.slice(0, 300)}`,
  ).toBeUndefined();
}

function arrayOf(elements: readonly string[]): string {
  return `[\n  ${elements.join(",\n  ")}\n]`;
}

const withId = (id: string, members: string) => `{"id":${JSON.stringify(id)},${members}}`;

test("gives back hard values in every field of every collection, hard ids, and elements that cannot be rows", async () => {
  const documents = hardMembers.map((members, i) => withId(`hard-${i}`, members));
  const ids = hardIds.map((id) => withId(id, '"x":1'));
  const content = arrayOf([
    ...documents,
    ...unusableElements,
    ...ids,
    withId("hard-0", '"again":true'),
    withId("\\N", '"again":1'),
  ]);
  const directory = await writeData(Object.fromEntries(names.map((name) => [name, content])));
  const loaded = await loadFiles(database.url, directory);
  for (const { quarantined, documents: rows } of loaded.values()) {
    expect(quarantined).toBe(unusableElements.length + 2);
    expect(rows).toBe(documents.length + ids.length);
  }
  await expectWhole(directory, loaded);
});

test("gives back settings with hard values and hard keys", async () => {
  const keys = [...hardIds, "", "\u0000", "\ud83d", "$json:", '$json:"x"', "toJSON", "constructor", "id"];
  const members = [
    ...hardValues.map((value, i) => `"key-${i}":${value}`),
    ...keys.map((key) => `${JSON.stringify(key)}:{"x":-0}`),
  ];
  const directory = await writeData({ settings: `[{${members.join(",")}}, {"second":1}]` });
  const loaded = await loadFiles(database.url, directory);
  expect(loaded.get("settings")).toMatchObject({ documents: 1, quarantined: 1 });
  await expectWhole(directory, loaded);
});

describe.each([20_250_701, Date.now() % 0x7fffffff])("with seed %d", (seed) => {
  test("gives back arbitrary documents of every collection", async () => {
    const files: Record<string, string> = {};
    for (const [shift, name] of names.entries()) {
      const samples = fc.sample(documentFields(collectionNamed(name)), { seed: seed + shift, numRuns: 250 });
      const known = name === "events" ? eventIds.map((id) => ({ id })) : [];
      const documents = samples.map((fields, i) => Object.fromEntries([["id", `id-${i}`], ...fields]) as JsonValue);
      files[name] = arrayOf([...known, ...documents].map((document) => stringifyExact(document)));
    }
    const directory = await writeData(files);
    const loaded = await loadFiles(database.url, directory);
    await expectWhole(directory, loaded);
    // The generator must reach the two kinds of real-life damage, or this test shows nothing about them.
    expect(loaded.get("participants")!.orphans).toBeGreaterThan(0);
    expect(loaded.get("participants")!.duplicates).toBeGreaterThan(0);
  });

  test("gives back arbitrary elements of any JSON type", async () => {
    const content = arrayOf(fc.sample(jsonText, { seed, numRuns: 400 }));
    const directory = await writeData({ talks: content, settings: content, other_things: content });
    const loaded = await loadFiles(database.url, directory);
    expect(loaded.get("talks")).toMatchObject({ elements: 400 });
    await expectWhole(directory, loaded);
  });

  test("gives back arbitrary settings", async () => {
    for (const fields of fc.sample(documentFields(collectionNamed("settings")), { seed, numRuns: 12 })) {
      await emptyTables(database.url);
      const directory = await writeData({ settings: `[${stringifyExact(Object.fromEntries(fields))}]` });
      const loaded = await loadFiles(database.url, directory);
      expect(loaded.get("settings")).toMatchObject({ quarantined: 0 });
      await expectWhole(directory, loaded);
    }
  });
});

test.each(["[]", "[ \n ]", "[{}]", "[null]"])("gives back the settings file %s", async (content) => {
  const directory = await writeData({ settings: content, users: content });
  const loaded = await loadFiles(database.url, directory);
  expect([...loaded.keys()]).toEqual(["settings", "users"]);
  await expectWhole(directory, loaded);
});
