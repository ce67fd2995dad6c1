import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Client } from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { collectionNamed } from "../../../ops/collections/registry.ts";
import { unescapeJson } from "../../../ops/json/escape.ts";
import { parseExact } from "../../../ops/json/value.ts";
import { checkDatabase } from "../../../ops/migration/verify/database-checks.ts";
import { verifyStores } from "../../../ops/migration/verify/verify-stores.ts";
import { connect } from "../../../ops/postgres/connection.ts";
import { migrateSchema } from "../../../ops/postgres/schema.ts";
import { useDatabase } from "../../support/test-database.ts";
import { compareHere } from "../support/compare-here.ts";
import type { Compared } from "../support/compare-here.ts";
import { loadFiles } from "../support/load-files.ts";
import { silentReporter } from "../support/silent-reporter.ts";
import { columnFlips, neighbourFlips, remainderFlips, rowSwapFlips } from "./column-flips.ts";
import { documentFlips, quarantineFlips, settingsFlips } from "./document-flips.ts";
import { typedCollections } from "./flip.ts";
import type { Flip, StoredRow } from "./flip.ts";
import { referenceFlips, registrationFlips } from "./integrity-flips.ts";
import { rowFlips } from "./row-flips.ts";
import { mutationFiles } from "./mutation-data.ts";

/** Columns that hold no part of a document, and why their value does not count. */
const noData: Readonly<Record<string, string>> = {
  "lightningtalk.settings.position": "the order of an object's keys means nothing in JSON",
  "ops.quarantine.reason": "says why, for a person",
  "ops.quarantine.sqlstate": "says why, for a person",
  "ops.quarantine.quarantined_at": "says when, for a person",
};
/** Tables that hold no documents of a source. */
const bookkeeping = ["ops.load_progress", "ops.suspended_constraints", "ops.tombstones", "ops.schema_migrations"];

const database = useDatabase();
let directory = "";
let client: Client;
let columnsByTable: Map<string, string[]>;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "lt-mutation-"));
  for (const [name, content] of Object.entries(mutationFiles()))
    await writeFile(join(directory, `${name}.json`), content);
  // A copied database lacks the privileges on the database itself.
  await migrateSchema(database.url);
  await loadFiles(database.url, directory);
  client = await connect(database.url);
  columnsByTable = await readColumns();
});
afterAll(async () => {
  await client?.end();
  await rm(directory, { recursive: true, force: true });
});

async function readColumns(): Promise<Map<string, string[]>> {
  const { rows } = await client.query<{ name: string; columns: string[] }>(
    `select table_schema || '.' || table_name as name, array_agg(column_name::text order by ordinal_position) as columns
       from information_schema.columns where table_schema in ('lightningtalk', 'ops') group by 1`,
  );
  return new Map(rows.map(({ name, columns }) => [name, columns]));
}

async function readRows(table: string, where = "true"): Promise<StoredRow[]> {
  const list = columnsByTable.get(table)!.map((column) => `${column}::text as ${column}`);
  return (await client.query<StoredRow>(`select ${list.join(", ")} from ${table} t where ${where} order by t.position`))
    .rows;
}

async function typedFlips(): Promise<Flip[]> {
  const all: Flip[] = [];
  for (const collection of typedCollections) {
    const { name, table } = collection;
    for (const row of await readRows(table))
      all.push(...columnFlips(collection, row), ...remainderFlips(collection, row));
    all.push(...neighbourFlips(collection, `${name}-full`), ...neighbourFlips(collection, `${name}-other`));
    all.push(
      ...rowSwapFlips(collection, `${name}-full`, `${name}-other`),
      ...rowSwapFlips(collection, `${name}-full`, `${name}-bare`),
    );
    all.push(...rowFlips(name, table, columnsByTable.get(table)!, `${name}-full`, `${name}-other`));
  }
  return all;
}

async function otherFlips(): Promise<Flip[]> {
  const documents = await readRows("lightningtalk.documents");
  const names = [...typedCollections.map(({ name }) => name), "settings", "users"];
  const all = documents.flatMap((row) => documentFlips(row["id"]!, unescapeJson(parseExact(row["document"]!))));
  all.push(
    ...rowFlips(
      "users",
      "lightningtalk.documents",
      columnsByTable.get("lightningtalk.documents")!,
      "users-full",
      "users-other",
    ),
  );
  all.push(...settingsFlips(await readRows("lightningtalk.settings")), ...registrationFlips(), ...referenceFlips());
  for (const name of names) {
    all.push(...quarantineFlips(name, await readRows("ops.quarantine", `collection = '${name}'`)));
  }
  all.push({
    name: "a row given to another collection",
    collection: "users",
    columns: ["lightningtalk.documents.collection"],
    sql: ["update lightningtalk.documents set collection = 'elsewhere' where id = 'users-full'"],
    expected: { class: "missing", id: "users-full" },
  });
  return all;
}

/** Applies a flip, looks, takes it back. Undefined when it changed nothing, which makes it no flip. */
async function outcome(flip: Flip): Promise<string | undefined> {
  await client.query("savepoint flip");
  try {
    let rows = 0;
    for (const sql of flip.sql) rows += (await client.query(sql)).rowCount ?? 0;
    if (rows === 0) return undefined;
    return await describeOutcome(flip);
  } finally {
    await client.query("rollback to savepoint flip");
  }
}

/** "caught", or what was reported instead. */
async function describeOutcome({ collection, expected }: Flip): Promise<string> {
  if (expected.class === "check") {
    const failed = (await checkDatabase(client)).filter(({ ok }) => !ok);
    return failed.some(({ found }) => found.includes(expected.id!))
      ? "caught"
      : `checks failed: ${failed.map(({ found }) => found).join("; ") || "none"}`;
  }
  const compared = await compareHere(client, collectionNamed(collection), join(directory, `${collection}.json`));
  return isReported(compared, collection, expected)
    ? "caught"
    : JSON.stringify([compared.comparison.counts, compared.differences, compared.contradictions]);
}

function isReported(
  { comparison, differences, contradictions }: Compared,
  collection: string,
  expected: Flip["expected"],
): boolean {
  if (expected.class === "contradiction") {
    const kind = collectionNamed(collection);
    const fields = new Map(
      kind.kind === "typed" ? kind.columns.map(({ name, field }) => [name, `/${field}`]) : [["id", "/id"]],
    );
    return contradictions.some(({ id, column }) => id === expected.id && fields.get(column) === expected.pointer);
  }
  if (expected.class === "check" || comparison.counts[expected.class] === 0) return false;
  return differences.some(
    (found) =>
      found.class === expected.class &&
      found.collection === collection &&
      (expected.id === undefined || found.id === expected.id) &&
      (expected.pointer === undefined ||
        found.pointer === expected.pointer ||
        found.pointer?.startsWith(`${expected.pointer}/`)),
  );
}

test("finds both stores equal before anything is flipped", async () => {
  const options = {
    url: database.url,
    dataDirectory: directory,
    reporter: silentReporter,
    signal: new AbortController().signal,
    maximumSamples: 5,
    dryRun: false,
  };
  const { ok, evidence, differences } = await verifyStores(options);
  expect({ differences, failed: evidence.checks.filter((check) => !check.ok), ok }).toEqual({
    differences: [],
    failed: [],
    ok: true,
  });
  for (const collection of evidence.collections) expect(collection.fileRecords).toBeGreaterThan(0);
});

test("catches every flip of every column", { timeout: 300_000 }, async () => {
  await client.query("begin");
  // What the database itself would prevent has to be caught as well: nobody knows how the data came to be wrong.
  await client.query("set local session_replication_role = replica");
  await client.query("drop index lightningtalk.participants_registration");
  const all = [...(await typedFlips()), ...(await otherFlips())];
  const missed: string[] = [];
  const flipped = new Set<string>();
  let caught = 0;
  for (const flip of all) {
    const found = await outcome(flip);
    if (found === undefined) continue;
    for (const column of flip.columns) flipped.add(column);
    if (found === "caught") caught += 1;
    else missed.push(`${flip.collection}: ${flip.name} (${JSON.stringify(flip.expected)}): ${found}`);
  }
  await client.query("rollback");
  process.stdout.write(
    `verifier mutation score: ${caught} of ${caught + missed.length} flips caught (${flipped.size} columns)\n`,
  );
  expect(missed.slice(0, 20)).toEqual([]);
  expect(unflippedColumns(flipped)).toEqual([]);
  expect(caught).toBeGreaterThan(1000);
});

/** Columns of the catalog that no flip has touched, so that a new column without flips fails the test. */
function unflippedColumns(flipped: ReadonlySet<string>): string[] {
  const all = [...columnsByTable]
    .filter(([table]) => !bookkeeping.includes(table))
    .flatMap(([table, columns]) => columns.map((column) => `${table}.${column}`));
  return all.filter((column) => !flipped.has(column) && !(column in noData));
}

test("reports nothing when only the order of the settings' keys changes", async () => {
  await client.query("begin");
  await client.query("update lightningtalk.settings set position = 1000 - position");
  const { comparison } = await compareHere(client, collectionNamed("settings"), join(directory, "settings.json"));
  await client.query("rollback");
  expect(comparison.counts).toEqual({ missing: 0, extra: 0, different: 0, moved: 0 });
});
