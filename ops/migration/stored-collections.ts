import type { Client } from "pg";
import type { Collection } from "../collections/collection.ts";
import { collectionNamed, plannedCollections } from "../collections/registry.ts";

/** The collections that a database holds: loaded from a file (even an empty one), or with a document in any table. */
export async function listStoredCollections(client: Client): Promise<Collection[]> {
  const tables = plannedCollections.map(({ name, table }) => `select '${name}' where exists (select from ${table})`);
  const { rows } = await client.query<{ name: string }>(
    `select collection as name from ops.load_progress union select collection from ops.quarantine
      union select distinct collection from lightningtalk.documents union ${tables.join(" union ")}`,
  );
  const stored = new Set(rows.map(({ name }) => name));
  const planned = plannedCollections.map(({ name }): string => name).filter((name) => stored.has(name));
  return [...planned, ...[...stored].filter((name) => !planned.includes(name)).toSorted()].map(collectionNamed);
}
