import type { Client } from "pg";
import { escapeLiteral } from "pg";
import { collectionNamed } from "../../collections/registry.ts";
import { OpsError } from "../../errors.ts";
import type { LoadProgress } from "./load-progress.ts";

/**
 * Counts what a load has left in the tables and refreshes the planner's statistics.
 *
 * @throws OpsError `count-mismatch` when a table holds another number of rows than its progress row says
 */
export async function checkLoad(client: Client, loaded: LoadProgress[]): Promise<void> {
  for (const progress of loaded) {
    const rows = await countDocuments(client, progress.collection);
    const quarantined = await count(client, `ops.quarantine where collection = ${escapeLiteral(progress.collection)}`);
    if (rows === progress.documents && quarantined === progress.quarantined) continue;
    throw new OpsError(
      "count-mismatch",
      `${progress.collection}: ${rows} rows and ${quarantined} quarantined, expected ${progress.documents} and ${progress.quarantined}.`,
      { hint: "Somebody else writes to these tables. Compare with: npx zx ops/migrate.mjs verify" },
    );
  }
  const tables = new Set(loaded.map(({ collection }) => collectionNamed(collection).table));
  for (const table of tables) await client.query(`analyze ${table}`);
}

/** Documents of a collection that are rows. The settings document is many rows and one document. */
async function countDocuments(client: Client, name: string): Promise<number> {
  const collection = collectionNamed(name);
  if (collection.kind === "typed") return await count(client, collection.table);
  if (collection.kind === "settings") return Math.min(1, await count(client, collection.table));
  return await count(client, `${collection.table} where collection = ${escapeLiteral(name)}`);
}

async function count(client: Client, from: string): Promise<number> {
  const { rows } = await client.query<{ count: string }>(`select count(*) from ${from}`);
  return Number(rows[0]!.count);
}
