import { beforeAll, describe, expect, test } from "vitest";
import type { Client } from "pg";
import { plannedCollections } from "../../ops/collections/registry.ts";
import { connect } from "../../ops/postgres/connection.ts";
import { loadFiles } from "../migration/support/load-files.ts";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";
import { useDatabase } from "../support/test-database.ts";

/** A value of the document and what SQL reads in its column, as text; times in UTC. */
type Case = readonly [value: unknown, column: string | null];

const text: Case[] = [
  ["plain", "plain"],
  ["", ""],
  ["\\N", "\\N"],
  ["a\tb\nc\rd\\", "a\tb\nc\rd\\"],
  ["日本😀", "日本😀"],
  ["a\u0000", null],
  ["\ud83d", null],
  [5, null],
  [true, null],
  [["x"], null],
  [null, null],
];
const integer: Case[] = [
  [20, "20"],
  [-0, "0"],
  [2_147_483_647, "2147483647"],
  [-2_147_483_648, "-2147483648"],
  [2_147_483_648, null],
  [20.5, null],
  ["20", "20"],
  ["-0", "0"],
  ["007", "7"],
  ["2147483648", null],
  ["20.0", null],
  ["", null],
  [true, null],
  [null, null],
];
const double: Case[] = [
  [4.5, "4.5"],
  [0.1, "0.1"],
  [-0, "-0"],
  [1e21, "1e+21"],
  [5e-324, "5e-324"],
  [1.797_693_134_862_315_7e308, "1.7976931348623157e+308"],
  ["4.5", "4.5"],
  ["1e5", null],
  [true, null],
  [null, null],
];
const boolean: Case[] = [
  [true, "true"],
  [false, "false"],
  ["true", "true"],
  ["1", "true"],
  [1, "true"],
  ["false", "false"],
  ["0", "false"],
  [0, "false"],
  ["yes", null],
  [2, null],
  [null, null],
];
const timestamp: Case[] = [
  ["2025-06-29T15:16:56.399Z", "2025-06-29 15:16:56.399"],
  ["2025-06-29T15:16:56Z", "2025-06-29 15:16:56.000"],
  ["2025-07-30T19:00:00+09:00", "2025-07-30 10:00:00.000"],
  ["2025-07-30T19:00+09:00", "2025-07-30 10:00:00.000"],
  ["2025-01-01T00:00:00-00:00", "2025-01-01 00:00:00.000"],
  ["2024-12-31T23:30:00-01:00", "2025-01-01 00:30:00.000"],
  ["2025-01-01T00:00:00.1234567Z", "2025-01-01 00:00:00.123"],
  ["2025-01-01T24:00:00Z", "2025-01-02 00:00:00.000"],
  ["0001-01-01T00:00:00.000Z", "0001-01-01 00:00:00.000"],
  ["9999-12-31T23:59:59.999Z", "9999-12-31 23:59:59.999"],
  ["2024-02-29T00:00:00.000Z", "2024-02-29 00:00:00.000"],
  ["2000-02-29T23:59:59.999Z", "2000-02-29 23:59:59.999"],
  ["0000-01-01T00:00:00.000Z", null],
  ["0001-01-01T00:00:00+09:00", null],
  ["9999-12-31T23:59:59-01:00", null],
  ["+275760-09-13T00:00:00.000Z", null],
  ["2023-02-29T00:00:00.000Z", null],
  ["2023-02-29T00:00:00+09:00", null],
  ["1900-02-29T00:00:00Z", null],
  ["2025-04-31T00:00:00Z", null],
  ["2025-01-01t00:00:00z", null],
  ["2016-12-31T23:59:60Z", null],
  ["2025-01-01T00:00:00+24:00", null],
  ["2025-01-01", null],
  ["2025-01-01T10:00", null],
  ["2027/1/1 10:00", null],
  ["infinity", null],
  ["now", null],
  [1_800_000_000_000, null],
  [null, null],
];
const json: Case[] = [
  [{ name: "hall", n: [1, null] }, '{"n": [1, null], "name": "hall"}'],
  ["text", '"text"'],
  [4.5, "4.5"],
  [false, "false"],
  ["\ud83d", '{"$json": "\\"\\\\ud83d\\""}'],
  [-0, '{"$json": "-0"}'],
  [null, null],
];
const cases = { text, integer, double, boolean, timestamp, json };

const database = useDatabase();
let directory = "";
let client: Client;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "lt-typed-"));
  for (const collection of plannedCollections) {
    if (collection.kind !== "typed") continue;
    const documents = collection.columns.flatMap(({ field, type }) =>
      cases[type].map(
        ([value], i) =>
          `{"id":"${field}-${i}",${JSON.stringify(field)}:${Object.is(value, -0) ? "-0" : JSON.stringify(value)}}`,
      ),
    );
    await writeFile(join(directory, `${collection.name}.json`), `[${documents.join(",")}]`);
  }
  await loadFiles(database.url, directory);
  client = await connect(database.url);
});
afterAll(async () => {
  await client?.end();
  await rm(directory, { recursive: true, force: true });
});

const typed = plannedCollections.filter((collection) => collection.kind === "typed");

describe.each(typed)("$name", ({ table, columns }) => {
  test.each(columns.filter(({ references }) => references === undefined))(
    "$name holds what SQL should read",
    async (column) => {
      const shown =
        column.type === "timestamp" ? `to_char(${column.name}, 'YYYY-MM-DD HH24:MI:SS.MS')` : `${column.name}::text`;
      const { rows } = await client.query<{ id: string; value: string | null }>(
        `select id, ${shown} as value from ${table} where starts_with(id, $1)`,
        [`${column.field}-`],
      );
      const found = new Map(rows.map(({ id, value }) => [id, value]));
      const actual = cases[column.type].map(([value], i) => [value, found.get(`${column.field}-${i}`)]);
      expect(actual).toEqual(cases[column.type]);
    },
  );

  const references = columns.filter(({ references: target }) => target !== undefined);
  test.runIf(references.length > 0).each(references)(
    "$name is null for an orphan, whose value stays in the remainder",
    async (column) => {
      const { rows } = await client.query<{ value: string | null; kept: unknown }>(
        `select ${column.name} as value, remainder -> $1 as kept from ${table} where id = $2`,
        [column.field, `${column.field}-0`],
      );
      expect(rows).toEqual([{ value: null, kept: "plain" }]);
    },
  );
});
