import { readFile } from "node:fs/promises";
import { relative } from "node:path";
import type { ClientBase, QueryResult } from "pg";
import { OpsError } from "../errors.ts";
import { classifyDatabaseError, sqlState } from "./database-error.ts";

/** A file of SQL statements, sent to the server as it is. */
export interface SqlFile {
  readonly path: string;
  readonly text: string;
}

/** Reads a SQL file. */
export async function readSqlFile(path: string): Promise<SqlFile> {
  return { path, text: await readFile(path, "utf8") };
}

/**
 * Sends a whole file as one simple query.
 *
 * @returns one result per statement
 * @throws OpsError `sql-file` that names file, line and column, or the database's own trouble (connection, permission, disk)
 */
export async function runSqlFile(client: ClientBase, file: SqlFile): Promise<QueryResult[]> {
  try {
    const results: unknown = await client.query(file.text);
    return Array.isArray(results) ? results : [results as QueryResult];
  } catch (error) {
    throw describeSqlFileError(error, file);
  }
}

function describeSqlFileError(error: unknown, file: SqlFile): unknown {
  const state = sqlState(error);
  if (state === undefined) return classifyDatabaseError(error) ?? error;
  const server = error as Error & { position?: string; hint?: string; where?: string };
  const place = [relative(process.cwd(), file.path), ...lineAndColumn(file.text, server.position)].join(":");
  const code = classifyDatabaseError(error)?.code ?? "sql-file";
  return new OpsError(code, `${place}: ${server.message} (SQLSTATE ${state}).`, {
    hint: server.hint ?? hintFor(state, server.where),
    cause: error,
    details: { sqlstate: state },
  });
}

function hintFor(state: string, where: string | undefined): string {
  if (state === "25001")
    return "a migration runs in one transaction, so CREATE INDEX CONCURRENTLY, VACUUM and their like are not supported";
  if (state === "42501") return "connect as the administrator (roles), or as lt_migrator (migrations)";
  return where?.split("\n", 1)[0] ?? "nothing of this file was kept: correct it and run the same command again";
}

/** Line and column, from 1, of a server's position, which counts characters from 1; empty when it names none. */
function lineAndColumn(text: string, position: string | undefined): number[] {
  if (position === undefined) return [];
  const before = [...text].slice(0, Number(position) - 1).join("");
  const lineStart = before.lastIndexOf("\n") + 1;
  return [before.split("\n").length, before.length - lineStart + 1];
}
