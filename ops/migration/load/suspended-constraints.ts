/**
 * The first load of an empty table: its secondary indexes and foreign keys are built once at the end, which costs a
 * fraction of keeping them row by row (docs/decisions/0003-building-constraints-after-the-load.md). The primary key stays.
 *
 * Taking away, and building again, are one transaction each, with the definitions in ops.suspended_constraints between
 * them: a run that is killed anywhere goes on by the same list.
 */

import type { Client } from "pg";
import { escapeIdentifier } from "pg";
import type { TypedCollection } from "../../collections/collection.ts";
import { sqlState } from "../../postgres/database-error.ts";
import { keepDuplicates, keepOrphans } from "./classify-rows.ts";

interface Suspended {
  name: string;
  kind: "index" | "foreign key";
  definition: string;
}

/** Memory for sorting an index's entries; PostgreSQL takes it once per build. */
const buildMemory = "128MB";

/** True when the table has no row, so that nobody can be relying on what is about to be suspended. */
export async function isEmpty(client: Client, collection: TypedCollection): Promise<boolean> {
  const { rowCount } = await client.query(`select from ${collection.table} limit 1`);
  return rowCount === 0;
}

/**
 * Takes the secondary indexes and the foreign keys of a table away, inside the caller's transaction. What an earlier run took
 * away is gone and listed already; it stays so.
 */
export async function suspendConstraints(client: Client, collection: TypedCollection): Promise<void> {
  const { table } = collection;
  await client.query(`lock table ${table} in access exclusive mode`);
  const { rows } = await client.query<Suspended>(
    `insert into ops.suspended_constraints (table_name, name, kind, definition)
     select $1, conname, 'foreign key', pg_get_constraintdef(oid) from pg_constraint where conrelid = $1::regclass and contype = 'f'
     union all
     select $1, c.relname, 'index', pg_get_indexdef(i.indexrelid)
       from pg_index i join pg_class c on c.oid = i.indexrelid
      where i.indrelid = $1::regclass and not exists (select from pg_constraint where conindid = i.indexrelid)
     returning name, kind, definition`,
    [table],
  );
  for (const { name, kind } of rows) {
    const identifier = escapeIdentifier(name);
    await client.query(
      kind === "index"
        ? `drop index lightningtalk.${identifier}`
        : `alter table ${table} drop constraint ${identifier}`,
    );
  }
}

/**
 * Builds what was suspended again, inside the caller's transaction. Where the rows violate a constraint, they are
 * classified by the rules for real-life damage, and it is built then.
 *
 * @returns how many rows were damaged; zeros when nothing was suspended
 */
export async function restoreConstraints(
  client: Client,
  collection: TypedCollection,
): Promise<{ orphans: number; duplicates: number }> {
  const suspended = await readSuspended(client, collection.table);
  const damage = { orphans: 0, duplicates: 0 };
  if (suspended.length === 0) return damage;
  await client.query(`set local maintenance_work_mem = '${buildMemory}'`);
  for (const constraint of suspended) {
    if (await tryBuild(client, collection, constraint)) continue;
    if (constraint.kind === "index") damage.duplicates += await keepDuplicates(client, collection, collection.table);
    else damage.orphans += await keepOrphans(client, collection, collection.table);
    await build(client, collection, constraint);
  }
  await client.query("delete from ops.suspended_constraints where table_name = $1", [collection.table]);
  return damage;
}

/** Foreign keys come first: a registration of an event that does not exist is an orphan, and no duplicate. */
async function readSuspended(client: Client, table: string): Promise<Suspended[]> {
  const { rows } = await client.query<Suspended>(
    "select name, kind, definition from ops.suspended_constraints where table_name = $1 order by kind, name",
    [table],
  );
  return rows;
}

async function tryBuild(client: Client, collection: TypedCollection, constraint: Suspended): Promise<boolean> {
  await client.query("savepoint build");
  try {
    await build(client, collection, constraint);
    await client.query("release savepoint build");
    return true;
  } catch (error) {
    if (!/^23(503|505)$/.test(sqlState(error) ?? "")) throw error;
    await client.query("rollback to savepoint build");
    return false;
  }
}

/** The definition is PostgreSQL's own text of what stood there before. */
async function build(client: Client, { table }: TypedCollection, { name, kind, definition }: Suspended): Promise<void> {
  await client.query(
    kind === "index" ? definition : `alter table ${table} add constraint ${escapeIdentifier(name)} ${definition}`,
  );
}
