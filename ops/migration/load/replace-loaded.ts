import type { Client } from "pg";
import type { Collection } from "../../collections/collection.ts";
import { plannedCollections } from "../../collections/registry.ts";
import { OpsError } from "../../errors.ts";
import { withTransaction } from "../../postgres/transaction.ts";
import { countDocuments } from "./check-load.ts";
import type { LoadProgress } from "./load-progress.ts";

/** The collections and, after them, all that reference one of them by foreign key: they have to be loaded again with it. */
export function withReferrers(changed: Collection[]): Collection[] {
  const affected = new Map(changed.map((collection) => [collection.name, collection]));
  for (const collection of plannedCollections) {
    if (collection.kind !== "typed") continue;
    if (collection.columns.some(({ references }) => references !== undefined && affected.has(references))) {
      affected.set(collection.name, collection);
    }
  }
  const planned: Collection[] = plannedCollections.filter(({ name }) => affected.has(name));
  return [...planned, ...changed.filter(({ kind }) => kind === "generic")];
}

/**
 * Takes back the load of collections, in one transaction with their progress rows: before cutover the rows are copies, and
 * their files are the truth. A row that no load has brought has no file to come back from: then nothing is removed.
 *
 * @param affected of `withReferrers`
 * @throws OpsError `not-only-loaded` when a table does not hold exactly as many rows as were loaded into it
 */
export async function replaceLoaded(client: Client, affected: Collection[]): Promise<void> {
  await withTransaction(client, async () => {
    const tables = [...new Set(affected.map(({ table }) => table))];
    // What is counted is what is removed: nobody can add a row in between.
    await client.query(`lock table ${tables.join(", ")}, ops.quarantine in share row exclusive mode`);
    for (const collection of affected) await refuseOthersRows(client, collection);
    for (const collection of affected.toReversed()) await removeLoaded(client, collection);
  });
}

async function refuseOthersRows(client: Client, { name }: Collection): Promise<void> {
  const { rows } = await client.query<{ documents: number }>(
    "select documents::float8 as documents from ops.load_progress where collection = $1",
    [name],
  );
  const loaded: LoadProgress["documents"] = rows[0]?.documents ?? 0;
  const found = await countDocuments(client, name);
  if (found === loaded) return;
  throw new OpsError(
    "not-only-loaded",
    `${name} holds ${found} documents in PostgreSQL, and ${loaded} were loaded: somebody else writes there.`,
    {
      hint: "Nothing was removed. See what differs with: npx zx ops/migrate.mjs verify; export first what must not be lost.",
      details: { collection: name, loaded, found },
    },
  );
}

async function removeLoaded(client: Client, { name, table, kind }: Collection): Promise<void> {
  if (kind === "generic") await client.query(`delete from ${table} where collection = $1`, [name]);
  else await client.query(`delete from ${table}`);
  await client.query("delete from ops.quarantine where collection = $1", [name]);
  await client.query("delete from ops.load_progress where collection = $1", [name]);
}
