/** The second step of `prepare`: may this user load these files into this database? Reads only. */

import type { Client } from "pg";
import { plannedCollections } from "../../collections/registry.ts";
import { OpsError } from "../../errors.ts";
import { withClient } from "../../postgres/connection.ts";
import { describeSchema } from "../../postgres/schema.ts";
import { withTransaction } from "../../postgres/transaction.ts";
import { readProgress } from "../load/load-progress.ts";
import type { LoadProgress } from "../load/load-progress.ts";
import { findMissingPrivileges } from "./check-privileges.ts";
import { lowerCase, lowerCaseProbe } from "./lower-case.ts";

export interface DatabaseReport {
  /** As the server says it, "18.4". */
  serverVersion: string;
  user: string;
  /** Undefined while the database has no schema of ours. */
  schema: { head: string; applied: string[]; pending: string[] } | undefined;
  /** Earlier loads, as far as they came. */
  loads: LoadProgress[];
  /** Tables that hold rows. */
  filledTables: string[];
  /** What a person should know although it stops nothing. */
  warnings: string[];
}

const oldestVersion = 150_000;
/** The tests run against servers up to this major version. */
const newestMajor = 18;

/**
 * Looks at server, privileges, schema and earlier loads in a READ ONLY transaction.
 *
 * @throws OpsError `server-too-old`, `missing-privileges`, those of the schema's history, or the database's
 */
export async function checkDatabase(url: string): Promise<DatabaseReport> {
  return await withClient(url, { applicationName: "migrate prepare" }, (client) =>
    withTransaction(client, inspectDatabase, { isolation: "repeatable read", readOnly: true }),
  );
}

async function inspectDatabase(client: Client): Promise<DatabaseReport> {
  const { rows } = await client.query<{ number: number; version: string; lowered: string }>(
    "select current_setting('server_version_num')::integer as number, current_setting('server_version') as version, lower($1) as lowered",
    [lowerCaseProbe],
  );
  const { number, version, lowered } = rows[0]!;
  const warnings = judgeVersion(number, version);
  const { user, missing } = await findMissingPrivileges(client, number);
  if (missing.length > 0) throw lacking(user, missing);
  if (lowered !== lowerCase(lowerCaseProbe)) warnings.push(otherLowerCase);
  return { serverVersion: version, user, ...(await inspectContents(client)), warnings };
}

/**
 * What to say about a server's version.
 *
 * @param number as `server_version_num` has it, 180004
 * @returns warnings
 * @throws OpsError `server-too-old`
 */
export function judgeVersion(number: number, version: string): string[] {
  if (number < oldestVersion) throw tooOld(version);
  return Math.floor(number / 10_000) > newestMajor
    ? [`PostgreSQL ${version} is newer than ${newestMajor}, the newest that was tested.`]
    : [];
}

const otherLowerCase =
  "This database lower-cases other letters than expected: duplicate registrations of e-mails outside ASCII may be counted differently.";

async function inspectContents(client: Client): Promise<Pick<DatabaseReport, "schema" | "loads" | "filledTables">> {
  const { rows } = await client.query<{ there: boolean }>("select to_regnamespace('ops') is not null as there");
  if (!rows[0]!.there) return { schema: undefined, loads: [], filledTables: [] };
  await becomeAdmin(client);
  const schema = await describeSchema(client);
  if (schema.applied.length === 0) return { schema: undefined, loads: [], filledTables: [] };
  return { schema, loads: [...(await readProgress(client)).values()], filledTables: await findFilledTables(client) };
}

/** Only lt_admin reads schema ops. Who may become a member, but is none yet, sees what he may see himself. */
async function becomeAdmin(client: Client): Promise<void> {
  const { rows } = await client.query<{ may: boolean | null }>(
    "select pg_has_role(current_user, to_regrole('lt_admin'), 'member') as may",
  );
  if (rows[0]!.may === true) await client.query("set local role lt_admin");
}

async function findFilledTables(client: Client): Promise<string[]> {
  const tables = [...plannedCollections.map(({ table }) => table), "lightningtalk.documents", "ops.quarantine"];
  const filled: string[] = [];
  for (const table of tables) {
    const { rows } = await client.query<{ filled: boolean }>(`select exists (select from ${table}) as filled`);
    if (rows[0]!.filled) filled.push(table);
  }
  return filled;
}

function tooOld(version: string): OpsError {
  return new OpsError("server-too-old", `The server is PostgreSQL ${version}; 15 or newer is needed.`, {
    hint: "Upgrade the server, or leave out DATABASE_URL to use the embedded PostgreSQL 18.",
    details: { version },
  });
}

function lacking(user: string, missing: string[]): OpsError {
  return new OpsError("missing-privileges", `The user ${user} lacks ${missing.join("; ")}.`, {
    hint: "Connect as the database's administrator once (npx zx ops/db.mjs migrate), then as lt_migrator, or have these granted.",
    details: { user, missing },
  });
}
