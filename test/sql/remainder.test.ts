import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Client } from "pg";
import { connect } from "../../ops/postgres/connection.ts";
import { useDatabase } from "../support/test-database.ts";

const database = useDatabase();
let client: Client;
beforeAll(async () => {
  client = await connect(database.url);
});
afterAll(() => client?.end());
beforeEach(() => client.query("truncate lightningtalk.events, lightningtalk.participants, lightningtalk.talks, lightningtalk.analytics"));

/** Columns that are no field of a document. */
const NO_FIELDS = ["id", "position", "duplicate_of", "remainder"];

interface Column {
  table: string;
  name: string;
  type: string;
}

async function mappedColumns(): Promise<Column[]> {
  const { rows } = await client.query<Column>(
    `select c.relname as "table", a.attname as name, format_type(a.atttypid, null) as type
       from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace
      where n.nspname = 'lightningtalk' and c.relkind = 'r' and a.attnum > 0 and not a.attisdropped and a.attname <> all ($1)
        and exists (select from pg_attribute r where r.attrelid = c.oid and r.attname = 'remainder')
      order by c.relname, a.attnum`,
    [NO_FIELDS],
  );
  return rows;
}

function fieldOf(column: string): string {
  return column.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

/** Two values of each type that occurs, as SQL text. */
const VALUES: Readonly<Record<string, readonly [string, string]>> = {
  text: ["one", "two"],
  jsonb: ['{"n": 1}', '{"n": 2}'],
  boolean: ["true", "false"],
  integer: ["1", "2"],
  "double precision": ["1.5", "2.5"],
  "timestamp with time zone": ["2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"],
};

test("covers every mapped column of every table that has a remainder, under the column's name in camel case", async () => {
  const { rows } = await client.query<{ table: string; arguments: string }>(
    `select c.relname as "table", encode(t.tgargs, 'escape') as arguments from pg_trigger t join pg_class c on c.oid = t.tgrelid
      where t.tgname = 'drop_stale_remainder'`,
  );
  const covered = rows.flatMap(({ table, arguments: text }) => {
    const words = text.split("\\000").slice(0, -1);
    return words.flatMap((word, i) => (i % 2 === 0 ? [`${table}.${word} ${words[i + 1]}`] : []));
  });
  const expected = (await mappedColumns()).map(({ table, name }) => `${table}.${name} ${fieldOf(name)}`);
  expect(expected.length).toBeGreaterThan(50);
  expect(covered.toSorted()).toEqual(expected.toSorted());
});

/** Inserts a row whose remainder holds `field` and one more, runs `update`, and returns what the remainder is then. */
async function remainderAfter({ table, name, type }: Column, update: string, parameters: unknown[] = []): Promise<unknown> {
  await client.query(
    `insert into lightningtalk.${table} (id, ${name}, remainder)
     values ('row', $1, jsonb_build_object($2::text, 'odd', 'other', 1))`,
    [VALUES[type]![0], fieldOf(name)],
  );
  await client.query(`update lightningtalk.${table} set ${update} where id = 'row'`, parameters);
  const { rows } = await client.query(`delete from lightningtalk.${table} where id = 'row' returning remainder`);
  return rows[0].remainder;
}

describe("for every mapped column", () => {
  let columns: Column[];
  beforeAll(async () => {
    columns = await mappedColumns();
  });
  beforeEach(async () => {
    // "one" and "two" are valid references too.
    await client.query("insert into lightningtalk.events (id) values ('one'), ('two')");
    await client.query("insert into lightningtalk.participants (id) values ('one'), ('two')");
  });

  test("an update of the column drops the field from the remainder and no other", async () => {
    for (const column of columns) {
      const after = await remainderAfter(column, `${column.name} = $1`, [VALUES[column.type]![1]]);
      expect(after, `${column.table}.${column.name}`).toEqual({ other: 1 });
    }
  });

  test("an update of the column to null drops the field from the remainder", async () => {
    for (const column of columns) {
      expect(await remainderAfter(column, `${column.name} = null`), `${column.table}.${column.name}`).toEqual({ other: 1 });
    }
  });

  test("an update of another column keeps the remainder", async () => {
    for (const column of columns) {
      const after = await remainderAfter(column, "position = position + 1000");
      expect(after, `${column.table}.${column.name}`).toEqual({ [fieldOf(column.name)]: "odd", other: 1 });
    }
  });

  test("an update of the column that writes the field as well keeps what it writes", async () => {
    for (const column of columns) {
      const written = { [fieldOf(column.name)]: "new", other: 2 };
      const update = `${column.name} = $1, remainder = $2`;
      const after = await remainderAfter(column, update, [VALUES[column.type]![1], written]);
      expect(after, `${column.table}.${column.name}`).toEqual(written);
    }
  });
});

test("keeps a remainder on insert, when its column has a value as well", async () => {
  await client.query(`insert into lightningtalk.events (id, max_talks, remainder) values ('e', 20, '{"maxTalks": "20"}')`);
  const { rows } = await client.query("select remainder from lightningtalk.events");
  expect(rows).toEqual([{ remainder: { maxTalks: "20" } }]);
});

test("drops a JSON null of the remainder when its column is set", async () => {
  await client.query(`insert into lightningtalk.events (id, remainder) values ('e', '{"venue": null}')`);
  await client.query(`update lightningtalk.events set venue = '{"name": "hall"}'`);
  const { rows } = await client.query("select remainder from lightningtalk.events");
  expect(rows).toEqual([{ remainder: {} }]);
});
