import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Client, ClientBase } from "pg";
import { OpsError } from "../errors.ts";
import { withAdvisoryLock } from "./advisory-lock.ts";
import { withClient } from "./connection.ts";
import { readMigrationFiles, SQL_DIRECTORY } from "./migration-files.ts";
import type { MigrationFile } from "./migration-files.ts";
import { currentHead, pendingMigrations, readHistory, recordMigration } from "./schema-history.ts";
import { readSqlFile, runSqlFile } from "./sql-file.ts";
import { withTransaction } from "./transaction.ts";

const ROLE_ATTEMPTS = 10;
/** unique_violation, duplicate_object, and "tuple concurrently updated", which has no code of its own. */
const CLASHES = new Set(["23505", "42710", "XX000"]);

export interface SchemaOptions {
  /** Where migrations/, roles.sql and the rest are; the project's own `sql` by default. */
  directory?: string;
}

/**
 * Brings a database to this program's schema: roles, migrations that it does not have yet, grants. Safe to repeat, and safe
 * against a second one started at the same time.
 *
 * Each migration commits together with its line in the ledger, so a killed run leaves whole migrations only. Statements that
 * refuse to run in a transaction (CREATE INDEX CONCURRENTLY) are not supported.
 *
 * @param url the database; as superuser, as its owner with CREATEROLE, or as lt_migrator once the roles exist
 * @returns the names applied now, how many were there before, and the head that the database has now
 * @throws OpsError `already-running`, `schema-edited`, `schema-missing`, `schema-newer`, `migration-files`, `sql-file`, or one
 *   of database-error.ts
 */
export async function migrateSchema(
  url: string,
  { directory = SQL_DIRECTORY }: SchemaOptions = {},
): Promise<{ applied: string[]; alreadyApplied: number; head: string }> {
  const files = await readMigrationFiles(directory);
  return withAdvisoryLock(url, "schema", "db migrate", (signal) =>
    withClient(url, { applicationName: "db migrate" }, async (client) => {
      await settleRoles(client, join(directory, "roles.sql"));
      await runInTransaction(client, join(directory, "ledger.sql"), "lt_admin");
      const history = await readHistory(client);
      const pending = pendingMigrations(files, history);
      for (const file of pending) {
        signal.throwIfAborted();
        await applyMigration(client, file);
      }
      await runInTransaction(client, join(directory, "grants.sql"), "lt_admin");
      return {
        applied: pending.map(({ name }) => name),
        alreadyApplied: history.length,
        head: currentHead([...history, ...pending]),
      };
    }),
  );
}

/**
 * Says what {@link migrateSchema} would find and do, reading only.
 *
 * @param client a connection that may read ops.schema_migrations (every role of ours may)
 * @returns the head of the database, the names of the applied and of the pending migrations, oldest first
 * @throws OpsError as migrateSchema does for a history that does not fit the files
 */
export async function describeSchema(
  client: ClientBase,
  { directory = SQL_DIRECTORY }: SchemaOptions = {},
): Promise<{ head: string; applied: string[]; pending: string[] }> {
  const files = await readMigrationFiles(directory);
  const history = await readHistory(client);
  const pending = pendingMigrations(files, history);
  return {
    head: currentHead(history),
    applied: history.map(({ name }) => name),
    pending: pending.map(({ name }) => name),
  };
}

/**
 * Roles belong to the whole server, and no lock reaches across its databases: where another database is set up at the same
 * moment, both may create the same role. Whoever loses starts over and finds it there.
 */
async function settleRoles(client: Client, path: string): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await runInTransaction(client, path);
    } catch (error) {
      if (attempt === ROLE_ATTEMPTS || !(error instanceof OpsError) || !CLASHES.has(String(error.details["sqlstate"])))
        throw error;
      await sleep(attempt * 50);
    }
  }
}

async function runInTransaction(client: Client, path: string, role?: "lt_admin"): Promise<void> {
  const file = await readSqlFile(path);
  await withTransaction(client, async () => {
    if (role !== undefined) await client.query(`set local role ${role}`);
    await runSqlFile(client, file);
  });
}

async function applyMigration(client: Client, file: MigrationFile): Promise<void> {
  await withTransaction(client, async () => {
    await client.query("set local role lt_admin");
    const before = await transactionId(client);
    await runSqlFile(client, file);
    if ((await transactionId(client)) !== before) throw endsTransaction(file);
    await recordMigration(client, file);
  });
}

async function transactionId(client: Client): Promise<string> {
  const { rows } = await client.query<{ id: string }>("select pg_current_xact_id()::text as id");
  return rows[0]!.id;
}

function endsTransaction(file: MigrationFile): OpsError {
  return new OpsError(
    "sql-file",
    `The migration ${file.name} ends its transaction by itself, so a part of it may have been kept.`,
    {
      hint: "take COMMIT, ROLLBACK and BEGIN out of the file; look at the database before running it again",
    },
  );
}
