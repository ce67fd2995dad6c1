import { join } from "node:path";
import type { Client } from "pg";
import { OpsError } from "../errors.ts";
import { SQL_DIRECTORY } from "./migration-files.ts";
import { readSqlFile, runSqlFile } from "./sql-file.ts";

/** One thing that a role may do and should not, or should and may not. */
export interface GrantDifference {
  readonly role: string;
  /** A table, sequence, function, column, schema, the database or a role, as PostgreSQL spells it. */
  readonly object: string;
  /** The privilege; followed by "(tried)" when a statement was executed under the role. */
  readonly privilege: string;
  readonly expected: "allowed" | "refused";
  /** What is the case; an error text when trying failed for another reason. */
  readonly actual: string;
}

/**
 * Compares what every role may do with what it should, in the catalogs and by trying; changes nothing.
 *
 * @param client a connection outside any transaction whose user may act as all roles: superuser, or their creator
 * @returns every difference; none when all is as it should be
 * @throws OpsError `database-permission` when this user cannot check it: then nothing is known about the grants
 */
export async function checkGrants(client: Client): Promise<GrantDifference[]> {
  const file = await readSqlFile(join(SQL_DIRECTORY, "grants.check.sql"));
  try {
    const results = await runSqlFile(client, file);
    // Only the final query returns rows with names; SET and DO return none.
    return results.findLast(({ command, fields }) => command === "SELECT" && fields.length > 0)!
      .rows as GrantDifference[];
  } catch (error) {
    await client.query("rollback");
    throw uncheckable(error);
  }
}

function uncheckable(error: unknown): unknown {
  if (!(error instanceof OpsError) || error.code !== "database-permission") return error;
  return new OpsError(error.code, `The grants could not be checked: ${error.message}`, {
    hint: "check them as the administrator that created the roles, or as superuser",
    cause: error,
  });
}
