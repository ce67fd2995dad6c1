/** Flips of documents that are one JSON value each: generic ones, the settings, and the ones in quarantine. */

import { escapeLiteral } from "pg";
import { unescapeJson } from "../../../ops/json/escape.ts";
import { parseExact, stringifyExact } from "../../../ops/json/value.ts";
import type { JsonObject, JsonValue } from "../../../ops/json/value.ts";
import { json } from "./flip.ts";
import type { Expected, Flip, StoredRow } from "./flip.ts";
import { jsonFlips } from "./json-flips.ts";
import { positionFlips } from "./row-flips.ts";
import type { RowTest } from "./row-flips.ts";

/** Flips of a document of a generic collection. */
export function documentFlips(id: string, document: JsonValue): Flip[] {
  return jsonFlips(document).map(({ name, value }) => {
    const same = typeof value === "object" && value !== null && (value as JsonObject)["id"] === id;
    return {
      name: `${id}.document ${name}`,
      collection: "users",
      columns: ["lightningtalk.documents.document"],
      sql: [`update lightningtalk.documents set document = ${json(value)} where collection = 'users' and id = '${id}'`],
      // A document that lost its id is no longer known to be the same one.
      expected: same ? { class: "different", id } : { class: "missing", id },
    };
  });
}

export function settingsFlips(rows: readonly StoredRow[]): Flip[] {
  const table = "lightningtalk.settings";
  const [first, second] = rows.map((row) => row["key"]!);
  const base = { collection: "settings", columns: [`${table}.key`] };
  const about = (key: string): Expected => ({ class: "different", pointer: `/${key}` });
  const values = rows.flatMap((row): Flip[] => {
    const [key, value] = [row["key"]!, unescapeJson(parseExact(row["value"]!))];
    const flips = [...jsonFlips(value), ...(value === null ? [] : [{ name: "to null", value: null }])];
    return flips.map((flip) => ({
      name: `settings ${key} ${flip.name}`,
      collection: "settings",
      columns: [`${table}.value`],
      sql: [`update ${table} set value = ${json(flip.value)} where key = '${key}'`],
      expected: about(key),
    }));
  });
  return [
    ...values,
    ...["key || ' '", "upper(key)", "''", "'x'"].map((to) => ({
      ...base,
      name: `settings key = ${to}`,
      sql: [`update ${table} set key = ${to} where key = '${first}'`],
      expected: about(first!),
    })),
    {
      ...base,
      name: "settings key deleted",
      sql: [`delete from ${table} where key = '${first}'`],
      expected: about(first!),
    },
    {
      ...base,
      name: "settings key added",
      sql: [`insert into ${table} (key, position, value) values ('new', 1000, 'null')`],
      expected: about("new"),
    },
    { ...base, name: "settings emptied", sql: [`delete from ${table}`], expected: { class: "missing" } },
    {
      ...base,
      columns: [`${table}.value`],
      name: "settings values swapped",
      sql: [
        `update ${table} r set value = o.value from ${table} o where r.key <> o.key and r.key in ('${first}', '${second}') and o.key in ('${first}', '${second}')`,
      ],
      expected: about(first!),
    },
  ];
}

export function quarantineFlips(collection: string, rows: readonly StoredRow[]): Flip[] {
  const table = "ops.quarantine";
  const mine = `collection = '${collection}' and position = `;
  // Documents without an id of their own are known by their value, the ones of the settings by their place.
  const known = (value: JsonValue) =>
    collection === "settings" || (value as JsonObject | null)?.["id"] === `${collection}-full`;
  const documents = rows.flatMap((row) =>
    jsonFlips(parseExact(row["document"]!)).map(({ name, value }): Flip => ({
      name: `quarantined ${collection}[${row["position"]}] ${name}`,
      collection,
      columns: [`${table}.document`],
      sql: [`update ${table} set document = ${escapeLiteral(stringifyExact(value))} where ${mine}${row["position"]}`],
      expected: { class: known(value) ? "different" : "missing" },
    })),
  );
  const [a, b] = rows.map(
    (row): RowTest =>
      (alias) =>
        `${alias}.collection = '${collection}' and ${alias}.document = ${escapeLiteral(row["document"]!)}`,
  );
  const first = rows[0]!["position"];
  const base = { collection, columns: [`${table}.collection`] };
  return [
    ...documents,
    ...(b === undefined ? [] : positionFlips(collection, table, a!, b, undefined)),
    {
      ...base,
      name: `quarantined ${collection} given away`,
      sql: [`update ${table} set collection = 'elsewhere' where ${mine}${first}`],
      expected: { class: "missing" },
    },
    {
      ...base,
      name: `quarantined ${collection} deleted`,
      sql: [`delete from ${table} where ${mine}${first}`],
      expected: { class: "missing" },
    },
    {
      ...base,
      name: `quarantined ${collection} added`,
      sql: [
        `insert into ${table} (collection, position, reason, document) values ('${collection}', 1000, 'x', '{"id": 6}')`,
      ],
      expected: { class: "extra" },
    },
  ];
}
