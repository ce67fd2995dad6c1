/** What has to hold before the application's files may go. */

import type { Client } from "pg";
import { readDatabaseIdentity } from "../postgres/database-identity.ts";
import { collectionNamed } from "../collections/registry.ts";
import { OpsError } from "../errors.ts";
import { withTransaction } from "../postgres/transaction.ts";
import { withLoadedDatabase } from "./loaded-database.ts";
import type { Evidence } from "./verify/evidence.ts";

/**
 * Makes sure that this database is the verified one and still holds as many records as were verified. Reads only.
 *
 * @throws OpsError `other-database`, `changed-since-verify`, `nothing-loaded`, or the database's
 */
export async function requireVerifiedDatabase(url: string, evidence: Evidence): Promise<void> {
  await withLoadedDatabase(url, "migrate cleanup", (client) =>
    withTransaction(client, () => compareWithEvidence(client, evidence), {
      isolation: "repeatable read",
      readOnly: true,
    }),
  );
}

async function compareWithEvidence(client: Client, evidence: Evidence): Promise<void> {
  const database = await readDatabaseIdentity(client);
  if (database !== evidence.database) throw otherDatabase(database, evidence);
  const recorded = new Map(
    evidence.collections.map(({ collection, databaseRecords }) => [collection, databaseRecords]),
  );
  const counted = await countRecords(client, [...recorded.keys()]);
  for (const [name, records] of counted) {
    const verified = recorded.get(name) ?? 0;
    if (records !== verified) throw changedSince(name, verified, records, evidence);
  }
}

/** Records by collection, those in quarantine included: the verified collections, and any other that has come since. */
async function countRecords(client: Client, verified: string[]): Promise<Map<string, number>> {
  const { rows } = await client.query<{ name: string; count: number }>(
    `select name, sum(count)::float8 as count
       from (select collection as name, count(*) from lightningtalk.documents group by collection
             union all select collection, count(*) from ops.quarantine group by collection) found
      group by name`,
  );
  const counts = new Map(verified.map((name) => [name, 0]));
  for (const { name, count } of rows) counts.set(name, count);
  for (const name of counts.keys()) {
    const collection = collectionNamed(name);
    if (collection.kind === "generic") continue;
    // The settings document is many rows and one record.
    const what = collection.kind === "settings" ? "least(count(*), 1)" : "count(*)";
    const { rows: found } = await client.query<{ count: number }>(
      `select ${what}::float8 as count from ${collection.table}`,
    );
    counts.set(name, counts.get(name)! + found[0]!.count);
  }
  return counts;
}

function otherDatabase(database: string, evidence: Evidence): OpsError {
  return new OpsError(
    "other-database",
    `This database (${database}) is not the one that was verified at ${evidence.at} (${evidence.database}).`,
    {
      hint: "Correct --database-url, or verify this database: npx zx ops/migrate.mjs verify",
      details: { database, verified: evidence.database },
    },
  );
}

function changedSince(collection: string, verified: number, records: number, evidence: Evidence): OpsError {
  return new OpsError(
    "changed-since-verify",
    `${collection} has ${records} records now and had ${verified} when it was verified at ${evidence.at}.`,
    {
      hint: "Somebody writes to the database or loaded it again. Verify once more: npx zx ops/migrate.mjs verify",
      details: { collection, records, verified },
    },
  );
}
