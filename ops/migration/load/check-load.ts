import type { Client } from "pg";
import { escapeLiteral } from "pg";
import { collectionNamed } from "../../collections/registry.ts";
import { OpsError } from "../../errors.ts";
import type { LoadProgress } from "./load-progress.ts";

/**
 * Counts what a load has left in the tables and refreshes the planner's statistics.
 *
 * @throws OpsError `count-mismatch` when a table holds another number of rows than its progress row says,
 *   `constraints-suspended` when one is not built again
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
  await refuseSuspended(client);
  const tables = new Set(loaded.map(({ collection }) => collectionNamed(collection).table));
  // Also sets the visibility map: the next reader of every row would otherwise write each page again for its hint bits.
  for (const table of tables) await client.query(`vacuum (analyze) ${table}`);
}

/** Another collection than the loaded ones may have been left half way: its file is gone since. */
async function refuseSuspended(client: Client): Promise<void> {
  const { rows } = await client.query<{ table_name: string; name: string }>(
    "select table_name, name from ops.suspended_constraints order by table_name, name",
  );
  if (rows.length === 0) return;
  const names = rows.map(({ name }) => name).join(", ");
  throw new OpsError(
    "constraints-suspended",
    `${rows[0]!.table_name} was never loaded to its end: ${names} are still to be built.`,
    {
      hint: "Bring the file of this collection back into the data directory, then run the same command again.",
      details: { constraints: rows.map(({ name }) => name) },
    },
  );
}

/** Documents of a collection that are rows. The settings document is many rows and one document. */
export async function countDocuments(client: Client, name: string): Promise<number> {
  const collection = collectionNamed(name);
  if (collection.kind === "typed") return await count(client, collection.table);
  if (collection.kind === "settings") return Math.min(1, await count(client, collection.table));
  return await count(client, `${collection.table} where collection = ${escapeLiteral(name)}`);
}

async function count(client: Client, from: string): Promise<number> {
  const { rows } = await client.query<{ count: string }>(`select count(*) from ${from}`);
  return Number(rows[0]!.count);
}
