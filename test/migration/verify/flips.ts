/** The flips that the verifier has to catch: statements that change one thing, and what must be reported. */

import { escapeLiteral } from "pg";
import { plannedCollections } from "../../../ops/collections/registry.ts";
import type { TypedCollection } from "../../../ops/collections/collection.ts";
import type { ColumnType } from "../../../ops/collections/column.ts";
import { escapeFields, escapeJson, unescapeFields, unescapeJson } from "../../../ops/json/escape.ts";
import { parseExact, stringifyExact } from "../../../ops/json/value.ts";
import type { JsonObject, JsonValue } from "../../../ops/json/value.ts";
import { jsonFlips } from "./json-flips.ts";

/** What has to be reported of a flip: a difference of this class about this id, or a failed check that names the id. */
export interface Expected {
  class: "missing" | "extra" | "different" | "moved" | "contradiction" | "check";
  id?: string;
  /** Where the pointer has to begin, for a different value. */
  pointer?: string;
}

export interface Flip {
  name: string;
  collection: string;
  /** `table.column` that the flip is about. */
  columns: string[];
  /** Statements; together they must change something. */
  sql: string[];
  expected: Expected;
}

/** A row as text by column, JSON columns as PostgreSQL writes them. */
export type StoredRow = Readonly<Record<string, string | null>>;

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
    ...[
      `${c} + interval '1 millisecond'`,
      `${c} - interval '1 millisecond'`,
      `${c} + interval '9 hours'`,
      `${c} + interval '1 day'`,
    ],
    ...[`date_trunc('second', ${c})`, "'infinity'", "'0044-03-15 BC'", "null"],
  ],
  json: () => ["null", "'null'"],
};

function json(value: JsonValue): string {
  return escapeLiteral(stringifyExact(escapeJson(value)));
}

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

/** Rows that change their id or place, go, or come. `all` names every column of the table. */
export function rowFlips(collection: string, table: string, all: string[], a: string, b: string): Flip[] {
  const base = { collection, columns: [`${table}.id`] };
  // The whole document, its id included, stands in one column: another id beside it contradicts it.
  const inside = table === "lightningtalk.documents";
  const contradiction: Expected = { class: "contradiction", id: a, pointer: "/id" };
  const only = inside ? ` and collection = '${collection}'` : "";
  const set = (id: string, to: string) => `update ${table} set id = ${to} where id = ${escapeLiteral(id)}${only}`;
  const copied = all.filter((column) => column !== "id" && column !== "position");
  const renamed = ["id || ' '", "upper(id)", "'renamed'", "left(id, -1)"].flatMap((to): Flip[] => [
    {
      ...base,
      name: `${a}.id = ${to}`,
      sql: [set(a, to)],
      expected: inside ? contradiction : { class: "missing", id: a },
    },
    {
      ...base,
      name: `${a}.id = ${to}, as the new id`,
      sql: [set(a, to)],
      expected: inside ? contradiction : { class: "extra" },
    },
  ]);
  return [
    ...renamed,
    {
      ...base,
      name: `${a} and ${b} swap ids`,
      sql: [set(a, "'swap'"), set(b, `'${a}'`), set("swap", `'${b}'`)],
      expected: inside ? contradiction : { class: "different", id: a },
    },
    {
      ...base,
      name: `${a} deleted`,
      sql: [`delete from ${table} where id = '${a}'${only}`],
      expected: { class: "missing", id: a },
    },
    {
      ...base,
      name: `${a} doubled`,
      sql: [
        `insert into ${table} (id, position, ${copied.join(", ")}) select 'doubled', 1000, ${copied.join(", ")} from ${table} where id = '${a}'${only}`,
      ],
      expected: { class: "extra", id: inside ? a : "doubled" },
    },
    ...positionFlips(collection, table, rowTest(collection, table, a), rowTest(collection, table, b), a),
  ];
}

function rowTest(collection: string, table: string, id: string): RowTest {
  return (alias) =>
    `${alias}.id = '${id}'${table === "lightningtalk.documents" ? ` and ${alias}.collection = '${collection}'` : ""}`;
}

/**
 * Two rows change places; one goes to the end.
 *
 * @param a says in SQL that the row under an alias is the first one; `b` the same for the second
 */
export function positionFlips(
  collection: string,
  table: string,
  a: RowTest,
  b: RowTest,
  id: string | undefined,
): Flip[] {
  const both = (alias: string) => `(${a(alias)} or ${b(alias)})`;
  const base = {
    collection,
    columns: [`${table}.position`],
    expected: { class: "moved", ...(id === undefined ? {} : { id }) } as const,
  };
  return [
    {
      ...base,
      name: `${table} ${a("r")} and ${b("r")} swap positions`,
      sql: [
        // By way of negative positions, because no two rows may have the same one in between.
        `update ${table} r set position = -1 - r.position where ${both("r")}`,
        `update ${table} r set position = -1 - o.position from ${table} o where r.ctid <> o.ctid and ${both("r")} and ${both("o")}`,
      ],
    },
    {
      ...base,
      name: `${table} ${a("r")} at the end`,
      sql: [`update ${table} r set position = 100000 where ${a("r")}`],
      expected: { class: "moved" },
    },
  ];
}

export type RowTest = (alias: string) => string;

export const typedCollections = plannedCollections.filter((collection) => collection.kind === "typed");

/** Flips of the documents of a generic collection, of the settings and of the quarantine: values that are JSON as a whole. */
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

/** Registrations marked wrongly: no document shows them, the checks of the database have to. */
export function registrationFlips(): Flip[] {
  const table = "lightningtalk.participants";
  const set = (id: string, to: string): Flip => ({
    name: `${id}.duplicate_of = ${to}`,
    collection: "participants",
    columns: [`${table}.duplicate_of`],
    sql: [`update ${table} set duplicate_of = ${to} where id = '${id}' and duplicate_of is distinct from ${to}`],
    expected: { class: "check", id },
  });
  const targets = [
    "null",
    "'participants-other'",
    "'participants-full'",
    "'participants-third'",
    "'participants-bare'",
    "'nobody'",
    "id",
    "''",
  ];
  return [
    ...["participants-second", "participants-third"].flatMap((id) => targets.map((to) => set(id, to))),
    ...["participants-full", "participants-bare", "participants-odd"].flatMap((id) =>
      ["'participants-other'", "'participants-second'", "'nobody'", "id"].map((to) => set(id, to)),
    ),
    {
      ...set("participants-second", "swapped"),
      sql: [
        `update ${table} set duplicate_of = case id when 'participants-second' then 'participants-other' else 'participants-full' end where id in ('participants-second', 'participants-third')`,
      ],
    },
    {
      ...set("participants-full", "a later registration"),
      sql: [
        `update ${table} set duplicate_of = case id when 'participants-full' then 'participants-second' end where id in ('participants-full', 'participants-second')`,
      ],
    },
  ];
}

/** References that the documents do not show to be wrong: an orphan's value put into its column, an existing target left out. */
export function referenceFlips(): Flip[] {
  return typedCollections.flatMap(({ name: collection, table, columns }) =>
    columns
      .filter(({ references }) => references !== undefined)
      .flatMap(({ name, field }): Flip[] => [
        {
          name: `${collection}.${name} of an orphan names nothing`,
          collection,
          columns: [`${table}.${name}`],
          sql: [
            `update ${table} set ${name} = remainder ->> '${field}', remainder = remainder - '${field}' where id = '${collection}-converted'`,
          ],
          expected: { class: "check", id: `${collection}-converted` },
        },
        {
          name: `${collection}.${name} kept from its target`,
          collection,
          columns: [`${table}.${name}`],
          sql: [
            `update ${table} set remainder = remainder || jsonb_build_object('${field}', ${name}), ${name} = null where id = '${collection}-full'`,
          ],
          expected: { class: "check", id: `${collection}-full` },
        },
      ]),
  );
}
