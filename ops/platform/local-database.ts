import { realpath } from "node:fs/promises";
import type { Client } from "pg";
import { OpsError } from "../errors.ts";
import { withClient } from "../postgres/connection.ts";

/** Name of the database that the embedded server has for the application. */
export const LOCAL_DATABASE = "lightningtalk";

// Another command can be first: the database is there (42P04), or its row came between look and insertion (23505).
const MADE_BY_ANOTHER = ["42P04", "23505"];

/** How to reach a server on this machine. */
export interface LocalAddress {
  port: number;
  password: string;
  dataDirectory: string;
}

/** The superuser's connection URL; holds the password. */
export function localUrl(
  { port, password }: Pick<LocalAddress, "port" | "password">,
  database: string = LOCAL_DATABASE,
): string {
  return `postgresql://postgres:${password}@127.0.0.1:${port}/${database}`;
}

/**
 * Makes sure by a real connection that the server at this address is the one of this data directory, and that it has the
 * database.
 *
 * @throws OpsError `wrong-server` when another server answers
 */
export async function ensureDatabase(address: LocalAddress): Promise<{ url: string; version: string }> {
  return await withClient(localUrl(address, "postgres"), {}, async (client) => {
    const version = await checkIdentity(client, address);
    await createMissing(client);
    return { url: localUrl(address), version };
  });
}

async function checkIdentity(client: Client, address: LocalAddress): Promise<string> {
  const { rows } = await client.query<{ directory: string; version: string }>(
    "select current_setting('data_directory') as directory, current_setting('server_version') as version",
  );
  const [row] = rows;
  if (row && row.directory === (await realpath(address.dataDirectory))) return row.version;
  throw new OpsError(
    "wrong-server",
    `The server on port ${address.port} serves ${row?.directory}, not ${address.dataDirectory}.`,
    {
      hint: "Run `npx zx ops/db.mjs stop`, then `start` again.",
    },
  );
}

async function createMissing(client: Client): Promise<void> {
  const { rowCount } = await client.query("select from pg_catalog.pg_database where datname = $1", [LOCAL_DATABASE]);
  if (rowCount) return;
  try {
    await client.query(`create database ${LOCAL_DATABASE}`);
  } catch (error) {
    if (error instanceof Error && "code" in error && MADE_BY_ANOTHER.includes(String(error.code))) return;
    throw error;
  }
}
