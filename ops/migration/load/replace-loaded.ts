import type { Client } from "pg";
import { escapeLiteral } from "pg";
import type { Collection } from "../../collections/collection.ts";
import { plannedCollections } from "../../collections/registry.ts";
import { withTransaction } from "../../postgres/transaction.ts";

/**
 * Takes back the load of collections whose files have changed, together with the ones that reference them, in one
 * transaction with their progress rows: before cutover the rows are copies, and their files are the truth.
 *
 * @returns the names of the collections that have to be loaded again
 */
export async function replaceLoaded(client: Client, changed: Collection[]): Promise<string[]> {
  const affected = withReferrers(changed);
  await withTransaction(client, async () => {
    for (const collection of affected.toReversed()) {
      const name = escapeLiteral(collection.name);
      await client.query(`delete from ${collection.table} ${collection.kind === "generic" ? `where collection = ${name}` : ""}`);
      await client.query("delete from ops.quarantine where collection = $1", [collection.name]);
      await client.query("delete from ops.load_progress where collection = $1", [collection.name]);
    }
  });
  return affected.map(({ name }) => name);
}

/** The collections and, after them, all that reference one of them by foreign key. */
function withReferrers(changed: Collection[]): Collection[] {
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
