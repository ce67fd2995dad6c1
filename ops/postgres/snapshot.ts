import type { Client } from "pg";
import { connect } from "./connection.ts";

/** Begins a READ ONLY transaction that sees one moment of the database; the server refuses every write in it. */
export async function beginSnapshot(client: Client): Promise<string> {
  await client.query("begin isolation level repeatable read read only");
  const { rows } = await client.query<{ id: string }>("select pg_catalog.pg_export_snapshot() as id");
  return rows[0]!.id;
}

/** Opens a further session that sees the very same moment; the exporting transaction must still be open. */
export async function openSnapshot(url: string, snapshot: string): Promise<Client> {
  const client = await connect(url, { applicationName: "lightningtalk-db reader" });
  try {
    await client.query("begin isolation level repeatable read read only");
    await client.query(`set transaction snapshot ${client.escapeLiteral(snapshot)}`);
    // Rows come in the order of an index; sorting a large table would fill the server's disk.
    await client.query("set local enable_sort = off");
    return client;
  } catch (error) {
    await client.end();
    throw error;
  }
}
