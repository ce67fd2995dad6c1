import { appendFile } from "node:fs/promises";
import { join } from "node:path";
import { inject } from "vitest";
import { withFileLock } from "../../ops/platform/file-lock.ts";
import { startLocalServer } from "../../ops/platform/local.ts";
import { withClient } from "../../ops/postgres/connection.ts";
import { migrateSchema } from "../../ops/postgres/schema.ts";
import { KEPT_MARKER } from "./kept.ts";

const TEMPLATE = "lt_test_template";
const INCOMPLETE_TEMPLATE = "lt_test_template_incomplete";

/** A database of one's own with the whole schema and no data. */
export interface TestDatabase {
  /** Superuser's URL. */
  url: string;
  name: string;
  /** Removes the database, ending what sessions are left. */
  drop(): Promise<void>;
  /** Leaves the database for a look after the run, and says where it is. */
  keep(): Promise<void>;
}

let count = 0;

/**
 * Makes a database with the whole schema by copying the template of this run. The first call of a run starts the server.
 *
 * Prefer `useDatabase` of `test-database.ts`, which drops it too, and keeps it when a test failed.
 */
export async function cloneDatabase(): Promise<TestDatabase> {
  const admin = await adminUrl();
  count += 1;
  const name = `lt_test_${process.pid}_${count}`;
  await prepareTemplate(admin);
  await withClient(admin, {}, async (client) => await client.query(`create database ${name} template ${TEMPLATE}`));
  return { url: databaseUrl(admin, name), name, drop: () => drop(admin, name), keep: () => keep(name) };
}

/** Superuser's URL of the run's server, to the database `postgres`. Starts the server if nobody has yet. */
export async function adminUrl(): Promise<string> {
  // The tests kill our processes, never the server's machine: what fsync protects from does not happen here.
  const settings = { fsync: false, full_page_writes: false, max_wal_size: "1GB", max_connections: 200 };
  const { url } = await startLocalServer(inject("testHome"), settings);
  return databaseUrl(url, "postgres");
}

/** The same server and user with another database. */
export function databaseUrl(url: string, database: string): string {
  const changed = new URL(url);
  changed.pathname = `/${database}`;
  return changed.href;
}

async function prepareTemplate(admin: string): Promise<void> {
  await withFileLock(join(inject("testHome"), "template.lock"), async () => {
    await withClient(admin, {}, async (client) => {
      const { rowCount } = await client.query("select from pg_catalog.pg_database where datname = $1", [TEMPLATE]);
      if (rowCount) return;
      // Built under another name, so that a failure half way leaves no template that looks finished.
      await client.query(`drop database if exists ${INCOMPLETE_TEMPLATE} with (force)`);
      await client.query(`create database ${INCOMPLETE_TEMPLATE}`);
      await migrateSchema(databaseUrl(admin, INCOMPLETE_TEMPLATE));
      await client.query(`alter database ${INCOMPLETE_TEMPLATE} rename to ${TEMPLATE}`);
    });
  });
}

async function drop(admin: string, name: string): Promise<void> {
  await withClient(admin, {}, async (client) => await client.query(`drop database if exists ${name} with (force)`));
}

async function keep(name: string): Promise<void> {
  const home = inject("testHome");
  await appendFile(join(home, KEPT_MARKER), `${name}\n`);
  process.stderr.write(`Database ${name} is kept for a day: LT_HOME=${home} npx zx ops/db.mjs start\n`);
}
