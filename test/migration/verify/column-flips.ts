/** Flips of the columns of typed collections, and of what stands in their remainders. */

import { escapeLiteral } from "pg";
import type { TypedCollection } from "../../../ops/collections/collection.ts";
import type { ColumnType } from "../../../ops/collections/column.ts";
import { escapeFields, unescapeFields, unescapeJson } from "../../../ops/json/escape.ts";
import { parseExact, stringifyExact } from "../../../ops/json/value.ts";
import type { JsonObject } from "../../../ops/json/value.ts";
import { json } from "./flip.ts";
import type { Flip, StoredRow } from "./flip.ts";
import { jsonFlips } from "./json-flips.ts";

const neutral: Record<ColumnType, string[]> = {
  text: ["''", "'x'"],
  integer: ["0", "1"],
  double: ["0", "0.5"],
  boolean: ["true", "false"],
  timestamp: ["'2025-01-01T00:00:00Z'", "'epoch'"],
  json: ["'{}'", "'null'", "'0'", "'\"\"'"],
};

const changed: Record<ColumnType, (column: string) => string[]> = {
  text: (c) => [
    `${c} || ' '`,
    `' ' || ${c}`,
    `${c} || 'x'`,
    `left(${c}, -1)`,
    `upper(${c})`,
    `lower(${c})`,
    `normalize(${c}, NFD)`,
    "''",
    "null",
  ],
  integer: (c) => [`${c} + 1`, `${c} - 1`, `-${c}`, `${c} * 10`, "0", "null"],
  double: (c) => [`${c} * (1 + 2.220446049250313e-16::float8)`, `-${c}`, `${c} + 1`, `round(${c})`, "0", "null"],
  boolean: (c) => [`not ${c}`, "null"],
  timestamp: (c) => [
    `${c} + interval '1 millisecond'`,
    `${c} - interval '1 millisecond'`,
    `${c} + interval '9 hours'`,
    `${c} + interval '1 day'`,
    `date_trunc('second', ${c})`,
    "'infinity'",
    "'0044-03-15 BC'",
    "null",
  ],
  json: () => ["null", "'null'"],
};

/** Flips of each column of one row of a typed collection. */
export function columnFlips(collection: TypedCollection, row: StoredRow): Flip[] {
  const id = row["id"]!;
  const remainder = unescapeFields(JSON.parse(row["remainder"]!) as JsonObject);
  return collection.columns.flatMap(({ name, field, type }) => {
    const text = row[name];
    const hidden = Object.hasOwn(remainder, field);
    const plain = text === null || text === undefined ? neutral[type] : changed[type](name);
    const inside = type === "json" && typeof text === "string" ? jsonFlips(unescapeJson(parseExact(text))) : [];
    const flips = [...plain.map((sql) => [sql, sql]), ...inside.map((flip) => [flip.name, json(flip.value)])] as [
      string,
      string,
    ][];
    return flips.map(([label, sql]): Flip => {
      // JSON's null in a column reads as no value: where there is none anyway, only the column itself is wrong.
      const contradicts = hidden || (text === null && sql === "'null'");
      const found = contradicts ? "contradiction" : "different";
      return {
        name: `${id}.${name} = ${label}`,
        collection: collection.name,
        columns: [`${collection.table}.${name}`],
        sql: [
          `update ${collection.table} set ${name} = ${sql} where id = ${escapeLiteral(id)} and ${name} is distinct from ${sql}`,
        ],
        expected: { class: found, id, pointer: `/${field}` },
      };
    });
  });
}

/** Values that slide into the neighbouring column of the same type, or change places with it. */
export function neighbourFlips({ name, table, columns }: TypedCollection, id: string): Flip[] {
  return columns.flatMap((column, i) => {
    const next = columns.slice(i + 1).find(({ type }) => type === column.type);
    if (next === undefined) return [];
    const where = `where id = ${escapeLiteral(id)} and ${column.name} is distinct from ${next.name}`;
    const base = {
      collection: name,
      columns: [`${table}.${column.name}`],
      expected: { class: "different", id } as const,
    };
    return [
      {
        ...base,
        name: `${id}.${column.name} moved to ${next.name}`,
        sql: [`update ${table} set ${next.name} = ${column.name}, ${column.name} = null ${where}`],
      },
      {
        ...base,
        name: `${id}.${column.name} changes places with ${next.name}`,
        sql: [`update ${table} set ${next.name} = ${column.name}, ${column.name} = ${next.name} ${where}`],
      },
    ];
  });
}

/** Two rows that change one column's values with each other. */
export function rowSwapFlips({ name, table, columns }: TypedCollection, a: string, b: string): Flip[] {
  return columns.map((column) => ({
    name: `${a}.${column.name} changes places with ${b}`,
    collection: name,
    columns: [`${table}.${column.name}`],
    sql: [
      `update ${table} r set ${column.name} = o.${column.name} from ${table} o where r.id <> o.id and r.id in ('${a}', '${b}')
          and o.id in ('${a}', '${b}') and r.${column.name} is distinct from o.${column.name}`,
    ],
    expected: { class: "different", id: a, pointer: `/${column.field}` },
  }));
}

/** Each key of a remainder dropped, changed and added, and one that hides a column. */
export function remainderFlips({ name, table, columns }: TypedCollection, row: StoredRow): Flip[] {
  const id = row["id"]!;
  const remainder = unescapeFields(JSON.parse(row["remainder"]!) as JsonObject);
  const mapped = new Set(columns.map(({ field }) => field));
  const visible = columns.find(
    (column) => column.type === "text" && row[column.name] !== null && !Object.hasOwn(remainder, column.field),
  );
  const hide: [string, JsonObject][] =
    visible === undefined ? [] : [[`hides ${visible.field}`, { ...remainder, [visible.field]: "evil" }]];
  const flips = [
    ...jsonFlips(remainder).flatMap(({ name: label, value }): [string, JsonObject][] =>
      Array.isArray(value) ? [] : [[label, value as JsonObject]],
    ),
    ...hide,
  ];
  return flips.map(([label, value]) => ({
    name: `${id}.remainder ${label}`,
    collection: name,
    columns: [`${table}.remainder`],
    sql: [
      `update ${table} set remainder = ${escapeLiteral(stringifyExact(escapeFields(value)))} where id = ${escapeLiteral(id)}`,
    ],
    expected: {
      class: "different",
      id,
      ...(label.startsWith("hides") && mapped.size > 0 ? { pointer: `/${visible!.field}` } : {}),
    },
  }));
}
