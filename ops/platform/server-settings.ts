import { open, rename } from "node:fs/promises";
import { join } from "node:path";
import type { Identity } from "./identity.ts";

/** Server settings by name, as in postgresql.conf. */
export type ServerSettings = Readonly<Record<string, string | number | boolean>>;

const SETTINGS_FILE = "lightningtalk.conf";

/** The line of postgresql.conf that makes the server read our settings; written once, when the cluster is created. */
export const INCLUDE_LINE = `include_if_exists '${SETTINGS_FILE}'\n`;

/**
 * How the embedded server runs: durable as in production, and wide enough for a bulk load.
 *
 * Checkpoints are far apart because each one makes the next change of every page write the whole page to the log.
 * That log is not compressed: these binaries know pglz alone, which costs more time than the bytes it saves.
 */
export const DEFAULT_SETTINGS: ServerSettings = {
  fsync: true,
  synchronous_commit: true,
  full_page_writes: true,
  max_wal_size: "4GB",
  checkpoint_timeout: "15min",
  shared_buffers: "256MB",
  max_connections: 100,
  wal_compression: false,
  track_io_timing: true,
  log_min_duration_statement: 100,
  // Values may be personal data: a slow statement is logged as it was written, with $1, $2.
  log_parameter_max_length: 0,
  log_line_prefix: "%m [%p] %a %d ",
  autovacuum: true,
  timezone: "UTC",
  log_timezone: "UTC",
  password_encryption: "scram-sha-256",
};

/**
 * Replaces the cluster's settings file; the server reads it when it starts or reloads.
 *
 * @param identity the user that must be able to read it, or undefined for the current one
 */
export async function writeSettings(
  dataDirectory: string,
  settings: ServerSettings,
  identity: Identity | undefined,
): Promise<void> {
  const path = join(dataDirectory, SETTINGS_FILE);
  // Never written in place: the directory belongs to another user, who could have put a link there for root to follow.
  const replacement = `${path}.${process.pid}`;
  const file = await open(replacement, "wx", 0o600);
  try {
    await file.writeFile(Object.entries(settings).map(settingLine).join(""));
    if (identity) await file.chown(identity.uid, identity.gid);
  } finally {
    await file.close();
  }
  await rename(replacement, path);
}

function settingLine([name, value]: [string, string | number | boolean]): string {
  const text = typeof value === "boolean" ? (value ? "on" : "off") : String(value);
  return `${name} = '${text.replaceAll("\\", "\\\\").replaceAll("'", "''")}'\n`;
}
