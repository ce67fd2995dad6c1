import type { Client } from "pg";

/**
 * Tells one database from every other one, also from a copy of the same name: the cluster's identifier and the name.
 * Evidence records it, and whoever asks for evidence compares it.
 */
export async function readDatabaseIdentity(client: Client): Promise<string> {
  const { rows } = await client.query<{ database: string }>(
    "select system_identifier || '/' || current_database() as database from pg_control_system()",
  );
  return rows[0]!.database;
}
