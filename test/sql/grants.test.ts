import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import type { Client } from "pg";
import { connect } from "../../ops/postgres/connection.ts";
import { checkGrants } from "../../ops/postgres/grants.ts";
import type { GrantDifference } from "../../ops/postgres/grants.ts";
import { migrateSchema } from "../../ops/postgres/schema.ts";
import { startOwnCluster } from "./own-cluster.ts";
import type { OwnCluster } from "./own-cluster.ts";

let cluster: OwnCluster;
let client: Client;

beforeAll(async () => {
  cluster = await startOwnCluster();
  await cluster.run("create database granted", "create role outsider");
  await migrateSchema(cluster.url("granted"));
  client = await connect(cluster.url("granted"));
});
afterAll(async () => {
  await client?.end();
  await cluster?.stop();
});
beforeEach(async () => {
  const left = await checkGrants(client);
  if (left.length > 0) throw new Error(`The test before left differences behind: ${JSON.stringify(left)}`);
});

/** What is changed, what undoes it, and a difference that must be among those reported. */
const MUTATIONS: ReadonlyArray<readonly [title: string, change: string, undo: string, found: Partial<GrantDifference>]> = [
  [
    "an extra DELETE of lt_readwrite",
    "grant delete on lightningtalk.events to lt_readwrite",
    "revoke delete on lightningtalk.events from lt_readwrite",
    { role: "lt_app", object: "lightningtalk.events", privilege: "DELETE (tried)", expected: "refused", actual: "allowed" },
  ],
  [
    "an extra TRUNCATE of lt_app alone",
    "grant truncate on lightningtalk.analytics to lt_app",
    "revoke truncate on lightningtalk.analytics from lt_app",
    { role: "lt_app", privilege: "TRUNCATE", actual: "allowed" },
  ],
  [
    "a revoked INSERT",
    "revoke insert on lightningtalk.talks from lt_readwrite",
    "grant insert on lightningtalk.talks to lt_readwrite",
    { role: "lt_app", object: "lightningtalk.talks", privilege: "INSERT (tried)", expected: "allowed", actual: "refused" },
  ],
  [
    "a grant to PUBLIC",
    "grant select on lightningtalk.settings to public",
    "revoke select on lightningtalk.settings from public",
    { role: "public", object: "lightningtalk.settings", privilege: "SELECT", actual: "allowed" },
  ],
  [
    "password hashes readable by lt_readonly",
    "grant select on lightningtalk.documents to lt_readonly",
    "revoke select on lightningtalk.documents from lt_readonly",
    { role: "lt_report", object: "lightningtalk.documents", privilege: "SELECT (tried)", actual: "allowed" },
  ],
  [
    "tombstones readable by the application",
    "grant select on ops.tombstones to lt_readwrite",
    "revoke select on ops.tombstones from lt_readwrite",
    { role: "lt_app", object: "ops.tombstones", privilege: "SELECT", actual: "allowed" },
  ],
  [
    "a grant on one column",
    "grant update (title) on lightningtalk.events to lt_readonly",
    "revoke update (title) on lightningtalk.events from lt_readonly",
    { role: "lt_readonly", object: "lightningtalk.events.title", privilege: "UPDATE", actual: "allowed" },
  ],
  [
    "a grant to a role that is not ours",
    "grant select on lightningtalk.participants to outsider",
    "revoke select on lightningtalk.participants from outsider",
    { role: "outsider", object: "lightningtalk.participants", privilege: "SELECT", actual: "allowed" },
  ],
  [
    "a right to pass a right on",
    "grant select on lightningtalk.events to lt_readonly with grant option",
    "revoke grant option for select on lightningtalk.events from lt_readonly",
    { role: "lt_readonly", privilege: "SELECT WITH GRANT OPTION", actual: "allowed" },
  ],
  [
    "an application that became a member of lt_admin",
    "grant lt_admin to lt_app",
    "revoke lt_admin from lt_app",
    { role: "lt_app", object: "role lt_admin", privilege: "MEMBER", actual: "allowed" },
  ],
  [
    "a stranger who became a member of lt_readonly",
    "grant lt_readonly to outsider",
    "revoke lt_readonly from outsider",
    { role: "outsider", object: "role lt_readonly", privilege: "MEMBER", actual: "allowed" },
  ],
  [
    "a lost membership",
    "revoke lt_readwrite from lt_app",
    "grant lt_readwrite to lt_app",
    { role: "lt_app", object: "role lt_readwrite", privilege: "MEMBER", expected: "allowed", actual: "refused" },
  ],
  [
    "a table that belongs to somebody else",
    "alter table lightningtalk.settings owner to outsider",
    "alter table lightningtalk.settings owner to lt_admin",
    { role: "outsider", object: "lightningtalk.settings", privilege: "OWNER", actual: "allowed" },
  ],
  [
    "delete_document for everybody",
    "grant execute on function lightningtalk.delete_document(text, text) to public",
    "revoke execute on function lightningtalk.delete_document(text, text) from public",
    { role: "lt_report", privilege: "EXECUTE (tried)", actual: "allowed" },
  ],
  [
    "delete_document taken from the application",
    "revoke execute on function lightningtalk.delete_document(text, text) from lt_readwrite",
    "grant execute on function lightningtalk.delete_document(text, text) to lt_readwrite",
    { role: "lt_app", privilege: "EXECUTE (tried)", expected: "allowed", actual: "refused" },
  ],
  [
    "a security definer function whose names can be redirected",
    "alter function lightningtalk.delete_document(text, text) reset search_path",
    "alter function lightningtalk.delete_document(text, text) set search_path = pg_catalog, pg_temp",
    { privilege: "FIXED SEARCH PATH", expected: "allowed", actual: "refused" },
  ],
  [
    "default privileges that were lost",
    "alter default privileges for role lt_admin in schema lightningtalk revoke insert on tables from lt_readwrite",
    "alter default privileges for role lt_admin in schema lightningtalk grant insert on tables to lt_readwrite",
    { role: "lt_app", object: "lightningtalk.grants_probe", privilege: "INSERT (tried)", actual: "refused" },
  ],
  [
    "default privileges that give later tables of ops away",
    "alter default privileges for role lt_admin in schema ops grant select on tables to lt_readonly",
    "alter default privileges for role lt_admin in schema ops revoke select on tables from lt_readonly",
    { role: "lt_report", object: "ops.grants_probe", privilege: "SELECT (tried)", actual: "allowed" },
  ],
  [
    "later functions for everybody",
    "alter default privileges for role lt_admin grant execute on functions to public",
    "alter default privileges for role lt_admin revoke execute on functions from public",
    { role: "lt_report", object: "lightningtalk.grants_probe()", privilege: "EXECUTE (tried)", actual: "allowed" },
  ],
  [
    "the right to create tables",
    "grant create on schema lightningtalk to lt_readwrite",
    "revoke create on schema lightningtalk from lt_readwrite",
    { role: "lt_app", object: "schema lightningtalk", privilege: "CREATE (tried)", actual: "allowed" },
  ],
  [
    "the right to create in schema public",
    "grant create on schema public to public",
    "revoke create on schema public from public",
    { role: "lt_app", object: "schema public", privilege: "CREATE (tried)", actual: "allowed" },
  ],
  [
    "a database open to everybody",
    "grant connect on database granted to public",
    "revoke connect on database granted from public",
    { role: "public", object: "database", privilege: "CONNECT", actual: "allowed" },
  ],
  [
    "an application that may create roles",
    "alter role lt_app createrole",
    "alter role lt_app nocreaterole",
    { role: "lt_app", object: "role", privilege: "CREATEROLE", actual: "allowed" },
  ],
  [
    "a migrator who works as itself",
    "alter role lt_migrator reset role",
    "alter role lt_migrator set role = 'lt_admin'",
    { role: "lt_migrator", privilege: "WORKS AS", expected: "allowed", actual: "refused" },
  ],
  [
    "a sequence that reports can move",
    "grant usage on sequence lightningtalk.events_position_seq to lt_readonly",
    "revoke usage on sequence lightningtalk.events_position_seq from lt_readonly",
    { role: "lt_report", object: "lightningtalk.events_position_seq", privilege: "USAGE", actual: "allowed" },
  ],
  [
    "a reader of everything",
    "grant pg_read_all_data to lt_report",
    "revoke pg_read_all_data from lt_report",
    { role: "lt_report", object: "lightningtalk.documents", privilege: "SELECT (tried)", actual: "allowed" },
  ],
];

test.for(MUTATIONS)("reports %s", async ([, change, undo, found]) => {
  await client.query(change);
  try {
    expect(await checkGrants(client)).toContainEqual(expect.objectContaining(found));
  } finally {
    await client.query(undo);
  }
});

test("puts grants that were changed by hand right with the next migrate", async () => {
  await client.query(`
    grant delete on lightningtalk.events to lt_app;
    grant select on lightningtalk.documents to public;
    revoke update on lightningtalk.talks from lt_readwrite;
    grant create on schema public to public;
    grant connect on database granted to public`);
  expect(await checkGrants(client)).not.toEqual([]);
  await migrateSchema(cluster.url("granted"));
  expect(await checkGrants(client)).toEqual([]);
});

test("changes nothing itself", async () => {
  const tables = "select count(*)::integer as n, max(c.xmin::text::bigint) from pg_class c join pg_namespace n on n.oid = relnamespace where nspname in ('lightningtalk', 'ops')";
  const before = (await client.query(tables)).rows;
  await checkGrants(client);
  expect((await client.query(tables)).rows).toEqual(before);
});
