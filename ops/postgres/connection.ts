import { userInfo } from "node:os";
import pg from "pg";
import type { ClientConfig } from "pg";
import { parseConnectionUrl } from "./connection-url.ts";
import { classifyDatabaseError, describeDatabaseError } from "./database-error.ts";
import { tlsOptions } from "./tls.ts";

export interface ConnectOptions {
  /** Shown in pg_stat_activity; at most 63 bytes. */
  applicationName?: string;
  /** The role to work as after logging in. */
  role?: string;
  /** Longest time a statement may take, in milliseconds; 0 or absent: no limit of ours. */
  statementTimeoutMs?: number;
  /** Longest time until the connection stands, in milliseconds. */
  connectTimeoutMs?: number;
}

const DEFAULT_CONNECT_TIMEOUT_MS = 10_000;

/**
 * What every session is set to. Names are never resolved by a search path that somebody else can change; times are UTC;
 * the server notices within a second that a client was killed, so that its locks do not outlive it.
 */
const SESSION_SETTINGS: ReadonlyArray<readonly [name: string, value: string]> = [
  ["search_path", ""],
  ["timezone", "UTC"],
  ["client_connection_check_interval", "1s"],
  ["tcp_keepalives_idle", "10"],
  ["tcp_keepalives_interval", "5"],
  ["tcp_keepalives_count", "3"],
];

/**
 * Opens a session. The caller ends it; {@link withClient} does so by itself.
 *
 * @param url postgresql://…, over TCP or a Unix socket; see connection-url.ts and tls.ts for what is accepted
 * @throws OpsError with a code of database-error.ts when it cannot be opened; the password is in no message
 */
export async function connect(url: string, options: ConnectOptions = {}): Promise<pg.Client> {
  const client = new pg.Client(clientConfig(url, options));
  // An unheard "error" event would end the process; whoever uses the client learns of the loss by the rejected query.
  client.on("error", () => {});
  try {
    await client.connect();
    await prepareSession(client, options);
    return client;
  } catch (error) {
    client.end().catch(() => {});
    throw describeDatabaseError(error, url);
  }
}

/**
 * Opens a session, hands it to `fn` and closes it whatever happens.
 *
 * @throws OpsError when the database refuses or is lost; what `fn` throws otherwise passes through unchanged
 */
export async function withClient<T>(
  url: string,
  options: ConnectOptions,
  fn: (client: pg.Client) => Promise<T>,
): Promise<T> {
  const client = await connect(url, options);
  try {
    return await fn(client);
  } catch (error) {
    throw classifyDatabaseError(error, url) ?? error;
  } finally {
    await client.end().catch(() => {});
  }
}

/**
 * The driver's configuration for a URL, for whoever needs a pool instead of a session.
 *
 * @throws OpsError `database-url` or `database-tls`
 */
export function clientConfig(url: string, options: ConnectOptions = {}): ClientConfig {
  const target = parseConnectionUrl(url);
  return {
    host: target.host,
    port: target.port,
    user: target.user ?? process.env["PGUSER"] ?? userInfo().username,
    ...(target.database === undefined ? {} : { database: target.database }),
    ...(target.password === undefined ? {} : { password: target.password }),
    ...(target.options === undefined ? {} : { options: target.options }),
    ssl: tlsOptions(target),
    application_name: options.applicationName ?? target.applicationName ?? "lightningtalk-db",
    connectionTimeoutMillis: options.connectTimeoutMs ?? DEFAULT_CONNECT_TIMEOUT_MS,
    keepAlive: true,
  };
}

/** One round trip. Settings that this server does not have are left out rather than refused. */
async function prepareSession(client: pg.Client, options: ConnectOptions): Promise<void> {
  const settings = [...SESSION_SETTINGS];
  if (options.statementTimeoutMs !== undefined)
    settings.push(["statement_timeout", String(options.statementTimeoutMs)]);
  await client.query(
    `select pg_catalog.set_config(wanted.name, wanted.value, false)
       from rows from (pg_catalog.unnest($1::text[]), pg_catalog.unnest($2::text[])) as wanted (name, value)
      where wanted.name in ('search_path', 'timezone') or exists (select from pg_catalog.pg_settings s where s.name = wanted.name)`,
    [settings.map(([name]) => name), settings.map(([, value]) => value)],
  );
  if (options.role !== undefined) await client.query(`set role ${pg.escapeIdentifier(options.role)}`);
}
