/** What the database must promise by itself, beside holding equal documents. */

import type { Client } from "pg";
import type { TypedCollection } from "../../collections/collection.ts";
import { plannedCollections } from "../../collections/registry.ts";
import { OpsError } from "../../errors.ts";
import { withClient } from "../../postgres/connection.ts";
import { checkGrants } from "../../postgres/grants.ts";
import { describeSchema } from "../../postgres/schema.ts";

export interface CheckResult {
  name: string;
  /** False for a check that failed; a check that could not be made is neither good nor bad. */
  ok: boolean;
  /** False when this login cannot make the check; it is said, and never counted as one that holds. */
  checked: boolean;
  /** What was found, in words. */
  found: string;
}

/** Runs every check; each reads only. */
export async function checkDatabase(client: Client): Promise<CheckResult[]> {
  const typed = plannedCollections.filter((collection) => collection.kind === "typed");
  const references: CheckResult[] = [];
  for (const collection of typed) references.push(...(await checkReferences(client, collection)));
  return [
    await checkSchema(client),
    await checkColumnTypes(client, typed),
    await checkConstraints(client, typed),
    ...references,
    await checkRegistrations(client),
    await checkSequences(client),
  ];
}

async function checkSchema(client: Client): Promise<CheckResult> {
  const { head, pending } = await describeSchema(client);
  const found = pending.length === 0 ? `at head ${head.slice(0, 12)}` : `not applied: ${pending.join(", ")}`;
  return { name: "schema", ok: pending.length === 0, checked: true, found };
}

const sqlTypes = {
  text: "text",
  integer: "integer",
  double: "double precision",
  boolean: "boolean",
  timestamp: "timestamp(3) with time zone",
  json: "jsonb",
} as const;

async function checkColumnTypes(client: Client, typed: TypedCollection[]): Promise<CheckResult> {
  const { rows } = await client.query<{ name: string; type: string }>(
    `select c.relname || '.' || a.attname as name, format_type(a.atttypid, a.atttypmod) as type
       from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace
      where n.nspname = 'lightningtalk' and c.relkind = 'r' and a.attnum > 0 and not a.attisdropped`,
  );
  const actual = new Map(rows.map(({ name, type }) => [name, type]));
  const wrong = typed.flatMap((collection) =>
    collection.columns
      .filter(({ name, type }) => actual.get(`${collection.name}.${name}`) !== sqlTypes[type])
      .map(({ name }) => `${collection.name}.${name} is ${actual.get(`${collection.name}.${name}`) ?? "missing"}`),
  );
  return result("types", wrong, "every mapped column has the type of its mapping");
}

async function checkConstraints(client: Client, typed: TypedCollection[]): Promise<CheckResult> {
  const { rows } = await client.query<{ problem: string }>(
    `select format('%s on %s is not validated', conname, conrelid::regclass) as problem from pg_constraint
      where connamespace in ('lightningtalk'::regnamespace, 'ops'::regnamespace) and not convalidated
     union all
     select format('index %s is not valid', i.indexrelid::regclass) from pg_index i join pg_class c on c.oid = i.indrelid
      where c.relnamespace in ('lightningtalk'::regnamespace, 'ops'::regnamespace) and not (i.indisvalid and i.indisready)
     union all
     select format('%s %s on %s waits for the end of a load', kind, name, table_name) from ops.suspended_constraints
     union all
     select format('trigger %s on %s is disabled', tgname, tgrelid::regclass) from pg_trigger t join pg_class c on c.oid = t.tgrelid
      where c.relnamespace = 'lightningtalk'::regnamespace and tgenabled = 'D'`,
  );
  return result(
    "constraints",
    [...rows.map(({ problem }) => problem), ...(await findMissingReferences(client, typed))],
    "all constraints, indexes and triggers are in force",
  );
}

/** Foreign keys that the mapping promises and the database does not have: dropped, or left out by a restore. */
async function findMissingReferences(client: Client, typed: TypedCollection[]): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    `select r.relname || '.' || a.attname || ' references ' || f.relname as name
       from pg_constraint c join pg_class r on r.oid = c.conrelid join pg_class f on f.oid = c.confrelid
       join pg_attribute a on a.attrelid = c.conrelid and a.attnum = c.conkey[1]
      where c.contype = 'f' and c.connamespace = 'lightningtalk'::regnamespace`,
  );
  const present = new Set(rows.map(({ name }) => name));
  return typed
    .flatMap(({ name: collection, columns }) =>
      columns
        .filter(({ references }) => references !== undefined)
        .map(({ name, references }) => `${collection}.${name} references ${references!}`),
    )
    .filter((name) => !present.has(name))
    .map((name) => `the foreign key of ${name} is missing`);
}

/** A reference names a document; an orphan whose target exists is no orphan: a reference was lost. */
async function checkReferences(client: Client, collection: TypedCollection): Promise<CheckResult[]> {
  const results: CheckResult[] = [];
  for (const { name, field, references } of collection.columns) {
    if (references === undefined) continue;
    const { rows } = await client.query<{ orphans: string; lost: string[] }>(
      `select count(*)::text as orphans, coalesce((array_agg(r.id order by r.position) filter (where t.id is not null))[1:5], '{}') as lost
         from ${collection.table} r left join lightningtalk.${references} t on t.id = r.remainder ->> $1
        where r.${name} is null and jsonb_typeof(r.remainder -> $1) = 'string'`,
      [field],
    );
    const { rows: dangling } = await client.query<{ id: string }>(
      `select r.id from ${collection.table} r
        where r.${name} is not null and not exists (select from lightningtalk.${references} t where t.id = r.${name}) limit 5`,
    );
    const { orphans, lost } = rows[0]!;
    const problems = [
      ...lost.map((id) => `${id} names an existing document but does not reference it`),
      ...dangling.map(({ id }) => `${id} references a document that does not exist`),
    ];
    results.push(
      result(`references ${collection.name}.${name}`, problems, `${orphans} orphans, all other references hold`),
    );
  }
  return results;
}

/** A duplicate registration names an earlier one of the same event and address that is no duplicate itself. */
async function checkRegistrations(client: Client): Promise<CheckResult> {
  const { rows: wrong } = await client.query<{ id: string }>(
    `select d.id from lightningtalk.participants d left join lightningtalk.participants f on f.id = d.duplicate_of
      where d.duplicate_of is not null
        and (f.id is null or f.duplicate_of is not null or f.position > d.position
             or f.event_id is distinct from d.event_id or lower(f.email) is distinct from lower(d.email))
      order by d.position limit 5`,
  );
  const problems = [
    ...wrong.map(({ id }) => `${id} is no duplicate of what it names`),
    ...(await findUnmarkedDuplicates(client)),
  ];
  return result("registrations", problems, "every duplicate names its first registration");
}

/** The unique index promises that there is none, so the table is only searched where that index is not in force. */
async function findUnmarkedDuplicates(client: Client): Promise<string[]> {
  const { rowCount } = await client.query(
    `select from pg_index i join pg_class c on c.oid = i.indexrelid
      where i.indrelid = 'lightningtalk.participants'::regclass and c.relname = 'participants_registration'
        and i.indisunique and i.indisvalid and i.indisready`,
  );
  if (rowCount === 1) return [];
  const { rows } = await client.query<{ id: string }>(
    `select (array_agg(p.id order by p.position))[2] as id from lightningtalk.participants p
      where p.duplicate_of is null and p.event_id is not null and p.email is not null
      group by p.event_id, lower(p.email) having count(*) > 1 limit 5`,
  );
  const missing = "the unique index participants_registration is not in force";
  return [missing, ...rows.map(({ id }) => `${id} is a duplicate and not marked as one`)];
}

async function checkSequences(client: Client): Promise<CheckResult> {
  const problems: string[] = [];
  for (const table of [...plannedCollections.map((collection) => collection.table), "lightningtalk.documents"]) {
    const { rows } = await client.query<{ next: string; last: string | null }>(
      `select (s.last_value + case when s.is_called then 1 else 0 end)::text as next, (select max(position)::text from ${table}) as last
         from ${table}_position_seq s`,
    );
    const { next, last } = rows[0]!;
    if (last !== null && BigInt(next) <= BigInt(last))
      problems.push(`${table}: the next position is ${next}, ${last} is taken`);
  }
  return result("sequences", problems, "every sequence is ahead of its table");
}

/**
 * The matrix of roles and privileges, in a session of its own: it acts as each role in turn. Only the creator of the roles
 * or a superuser can do that; for anybody else, such as lt_migrator, the check says that it was not made.
 */
export async function checkPrivileges(url: string): Promise<CheckResult> {
  try {
    const differences = await withClient(url, { applicationName: "migrate verify grants" }, checkGrants);
    const problems = differences.map(
      ({ role, object, privilege, expected, actual }) =>
        `${role} on ${object}: ${privilege} is ${actual}, expected ${expected}`,
    );
    return result("grants", problems.slice(0, 5), "the whole matrix of roles and privileges is as written");
  } catch (error) {
    if (!(error instanceof OpsError) || error.code !== "database-permission") throw error;
    return { name: "grants", ok: true, checked: false, found: error.message };
  }
}

function result(name: string, problems: string[], good: string): CheckResult {
  const ok = problems.length === 0;
  return { name, ok, checked: true, found: ok ? good : problems.join("; ") };
}
