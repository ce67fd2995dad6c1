import type { ClientBase } from "pg";
import { OpsError } from "../errors.ts";
import { EMPTY_HEAD } from "./migration-files.ts";
import type { MigrationFile } from "./migration-files.ts";

/** What the database says about one applied migration. */
export interface AppliedMigration {
  readonly name: string;
  readonly sha256: string;
  readonly head: string;
}

/**
 * The migrations that the database has, oldest first; none when it has no ledger yet.
 *
 * @param client a connection that may read ops.schema_migrations
 */
export async function readHistory(client: ClientBase): Promise<AppliedMigration[]> {
  const { rows: ledger } = await client.query("select to_regclass('ops.schema_migrations') is not null as exists");
  if (!ledger[0].exists) return [];
  const { rows } = await client.query<AppliedMigration>(
    'select name, sha256, head from ops.schema_migrations order by name collate "C"',
  );
  return rows;
}

/** Adds one migration to the ledger; to be called in the transaction that applied it. */
export async function recordMigration(client: ClientBase, file: MigrationFile): Promise<void> {
  await client.query("insert into ops.schema_migrations (name, sha256, head) values ($1, $2, $3)", [
    file.name,
    file.sha256,
    file.head,
  ]);
}

/**
 * Which files are still to be applied, after proving that the applied ones are the beginning of the list.
 *
 * @throws OpsError `schema-edited` when an applied file has other contents now, `schema-missing` when an applied file is
 *   gone, `schema-newer` when the database has migrations past the last file, `schema-head` when the ledger itself was changed
 */
export function pendingMigrations(
  files: readonly MigrationFile[],
  applied: readonly AppliedMigration[],
): MigrationFile[] {
  const last = files.at(-1)?.name ?? "";
  for (const [index, row] of applied.entries()) {
    const file = files[index];
    if (row.name !== file?.name) throw row.name > last ? newer(row.name, last) : missing(row.name);
    if (row.sha256 !== file.sha256) throw edited(row, file);
    if (row.head !== file.head) throw ledgerChanged(row.name);
  }
  return files.slice(applied.length);
}

/** The head of the last applied migration. */
export function currentHead(applied: readonly AppliedMigration[]): string {
  return applied.at(-1)?.head ?? EMPTY_HEAD;
}

function newer(name: string, last: string): OpsError {
  return new OpsError(
    "schema-newer",
    `The database has the migration ${name}, but this program only knows up to ${last || "none"}.`,
    {
      hint: "use the version of this program that made the database, or a later one; migrations are never taken back",
    },
  );
}

function missing(name: string): OpsError {
  return new OpsError("schema-missing", `The migration ${name} was applied to the database, but its file is gone.`, {
    hint: `bring sql/migrations/${name} back as it was; a new change is a new file`,
  });
}

function edited(row: AppliedMigration, file: MigrationFile): OpsError {
  return new OpsError(
    "schema-edited",
    `The migration ${row.name} was edited after it was applied (SHA-256 ${short(row)} then, ${short(file)} now).`,
    {
      hint: `undo the edit of sql/migrations/${row.name} and put the change into a new file`,
      details: { name: row.name, applied: row.sha256, file: file.sha256 },
    },
  );
}

function ledgerChanged(name: string): OpsError {
  return new OpsError("schema-head", `The ledger's head at ${name} does not follow from the migrations before it.`, {
    hint: "somebody changed ops.schema_migrations by hand: compare it with a backup before going on",
  });
}

function short({ sha256 }: { sha256: string }): string {
  return sha256.slice(0, 12);
}
