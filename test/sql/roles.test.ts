import type { Client } from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { findBinaries } from "../../ops/platform/binaries.ts";
import { runProgram } from "../../ops/platform/server-program.ts";
import { withClient } from "../../ops/postgres/connection.ts";
import { sqlState } from "../../ops/postgres/database-error.ts";
import { checkGrants } from "../../ops/postgres/grants.ts";
import { dumpSchema } from "../../ops/postgres/schema-dump.ts";
import { migrateSchema } from "../../ops/postgres/schema.ts";
import { findOlderBinaries, startOlderCluster, startOwnCluster } from "./own-cluster.ts";
import type { OwnCluster } from "./own-cluster.ts";

const embedded = await findBinaries();
const older = await findOlderBinaries();

rolesLaw(embedded.major, startOwnCluster);
for (const binaries of older) rolesLaw(binaries.major, () => startOlderCluster(binaries));

test(`older major versions found on this machine: ${older.map(({ major }) => major).join(", ") || "none, so their rules for roles are not tested"}`, async () => {
  for (const { postgres, major } of older) expect(await runProgram(postgres, ["--version"], undefined)).toContain(` ${major}.`);
  expect(older.map(({ major }) => major)).not.toContain(embedded.major);
});

function rolesLaw(major: number, start: () => Promise<OwnCluster>): void {
  describe(`PostgreSQL ${major}`, () => {
    let cluster: OwnCluster;
    beforeAll(async () => {
      cluster = await start();
    });
    afterAll(() => cluster.stop());

    describe("set up by a managed service's master user", () => {
      let master: string;
      beforeAll(async () => {
        await cluster.run("create role master login createrole createdb nosuperuser", "create database by_master owner master");
        master = await cluster.login("master", "by_master");
      });

      test("applies everything once and nothing the second time", async () => {
        const first = await migrateSchema(master);
        const second = await migrateSchema(master);
        expect(first.applied.length).toBeGreaterThanOrEqual(2);
        expect(second).toEqual({ applied: [], alreadyApplied: first.applied.length, head: first.head });
      });

      test("leaves no grant that is missing or too many, as the master itself finds", async () => {
        expect(await withClient(master, {}, checkGrants)).toEqual([]);
      });

      test("lets the master set up a second database of the same server", async () => {
        await cluster.run("create database second_by_master owner master");
        const second = await cluster.login("master", "second_by_master");
        await migrateSchema(second);
        expect(await withClient(second, {}, checkGrants)).toEqual([]);
      });

      test("lets lt_migrator repeat it without any right to create roles", async () => {
        const migrator = await cluster.login("lt_migrator", "by_master");
        expect((await migrateSchema(migrator)).applied).toEqual([]);
      });

      test("refuses to check the grants for one who may not act as every role, rather than find nothing", async () => {
        const migrator = await cluster.login("lt_migrator", "by_master");
        await expect(withClient(migrator, {}, checkGrants)).rejects.toMatchObject({ code: "database-permission" });
      });
    });

    describe("set up by a superuser", () => {
      beforeAll(() => cluster.run("create database by_superuser"));

      test("applies everything once and nothing the second time", async () => {
        const first = await migrateSchema(cluster.url("by_superuser"));
        const second = await migrateSchema(cluster.url("by_superuser"));
        expect(second).toEqual({ applied: [], alreadyApplied: first.applied.length, head: first.head });
      });

      test("makes the same schema, owners, roles and grants as the master did", async () => {
        const bySuperuser = await withClient(cluster.url("by_superuser"), {}, dumpSchema);
        const byMaster = await withClient(cluster.url("by_master"), {}, dumpSchema);
        expect(byMaster).toBe(bySuperuser);
      });
    });

    test("refuses a database whose schema ops belongs to somebody else", async () => {
      await cluster.run("create database foreign_schema");
      await withClient(cluster.url("foreign_schema"), {}, (client) => client.query("create schema ops"));
      await expect(migrateSchema(cluster.url("foreign_schema"))).rejects.toMatchObject({
        message: expect.stringContaining("schema ops exists and belongs to postgres"),
        hint: expect.stringContaining("alter schema ops owner to lt_admin"),
      });
    });

    test("lets the application write and not delete, wipe or change tables, after a real login", async () => {
      const app = await cluster.login("lt_app", "by_superuser");
      await withClient(app, {}, async (client) => {
        await client.query("insert into lightningtalk.events (id, title) values ('e1', 'one')");
        await client.query("update lightningtalk.events set title = 'two' where id = 'e1'");
        const statements = [
          "delete from lightningtalk.events",
          "truncate lightningtalk.events cascade",
          "alter table lightningtalk.events add column x integer",
          "drop table lightningtalk.events cascade",
          "create table lightningtalk.x ()",
          "create table public.x ()",
          "create temporary table x ()",
          "create schema x",
          "set role lt_admin",
          "select from ops.tombstones",
          "insert into ops.schema_migrations (name, sha256, head) values ('x', 'x', 'x')",
        ];
        expect(await refused(client, statements)).toEqual(statements);
        const { rows } = await client.query("select lightningtalk.delete_document('events', 'e1') as deleted");
        expect(rows[0].deleted).toMatchObject({ id: "e1", title: "two" });
      });
    });

    test("lets reports read, but neither write nor see password hashes", async () => {
      const report = await cluster.login("lt_report", "by_superuser");
      await withClient(report, {}, async (client) => {
        await client.query("select from lightningtalk.participants");
        const reads = ["lightningtalk.documents", "ops.quarantine", "ops.tombstones"].map((table) => `select from ${table}`);
        expect(await refused(client, reads)).toEqual(reads);
        await client.query("set default_transaction_read_only = off");
        const writes = ["update lightningtalk.events set title = 'x'", "select lightningtalk.delete_document('events', 'x')"];
        expect(await refused(client, writes)).toEqual(writes);
      });
    });

    test("gives what lt_migrator creates to lt_admin", async () => {
      const migrator = await cluster.login("lt_migrator", "by_superuser");
      await withClient(migrator, {}, async (client) => {
        await client.query("begin; create table lightningtalk.created_later ()");
        const { rows } = await client.query("select tableowner from pg_tables where tablename = 'created_later'");
        await client.query("rollback");
        expect(rows).toEqual([{ tableowner: "lt_admin" }]);
      });
    });

    test("keeps strangers out of the database", async () => {
      await cluster.run("create role stranger login");
      const stranger = await cluster.login("stranger", "by_superuser");
      await expect(withClient(stranger, {}, async () => {})).rejects.toMatchObject({ code: "database-permission" });
    });

    test("sets up four databases of an empty server at the same time", async () => {
      const empty = await start();
      try {
        const names = ["at_once_1", "at_once_2", "at_once_3", "at_once_4"];
        for (const name of names) await empty.run(`create database ${name}`);
        const results = await Promise.all(names.map((name) => migrateSchema(empty.url(name))));
        expect(new Set(results.map(({ head }) => head)).size).toBe(1);
      } finally {
        await empty.stop();
      }
    });
  });
}

/** Those of the statements that fail for want of a right. */
async function refused(client: Client, statements: readonly string[]): Promise<string[]> {
  const failures: string[] = [];
  for (const statement of statements) {
    const code = await client.query(statement).then(() => undefined, sqlState);
    if (code === "42501") failures.push(statement);
  }
  return failures;
}
