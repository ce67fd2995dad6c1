import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { withClient } from "../../ops/postgres/connection.ts";
import { EMPTY_HEAD, readMigrationFiles, SQL_DIRECTORY } from "../../ops/postgres/migration-files.ts";
import { describeSchema, migrateSchema } from "../../ops/postgres/schema.ts";
import { adminUrl, cloneDatabase, databaseUrl } from "../support/server.ts";
import type { TestDatabase } from "../support/server.ts";

/** A copy of sql/ that a test may change. */
let directory: string;
let database: TestDatabase;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "lt-sql-"));
  await cp(SQL_DIRECTORY, directory, { recursive: true });
  database = await cloneDatabase();
});
afterEach(async () => {
  await rm(directory, { recursive: true });
  await database.drop();
});

function migration(name: string): string {
  return join(directory, "migrations", name);
}

function describeIn(folder: string): Promise<Awaited<ReturnType<typeof describeSchema>>> {
  return withClient(database.url, {}, (client) => describeSchema(client, { directory: folder }));
}

const NEXT = "create table lightningtalk.next (id text primary key);\n";

describe("migrating", () => {
  test("applies what is new, gives it to lt_admin and grants it by the default privileges", async () => {
    const before = await describeIn(directory);
    await writeFile(migration(await nextName("next")), NEXT);
    const { applied, alreadyApplied, head } = await migrateSchema(database.url, { directory });
    expect({ applied: applied.length, alreadyApplied }).toEqual({ applied: 1, alreadyApplied: before.applied.length });
    expect(head).not.toBe(before.head);
    const { rows } = await withClient(database.url, {}, (client) =>
      client.query(`select tableowner, has_table_privilege('lt_app', 'lightningtalk.next', 'insert') as app
                      from pg_tables where tablename = 'next'`),
    );
    expect(rows).toEqual([{ tableowner: "lt_admin", app: true }]);
  });

  test("keeps nothing of a failed migration, and all of those before it", async () => {
    const [good, bad] = [await nextName("good", 1), await nextName("bad", 2)];
    await writeFile(migration(good), NEXT);
    await writeFile(migration(bad), "create table lightningtalk.half ();\n\nselect * frm nowhere;\n");
    const failure = await migrateSchema(database.url, { directory }).catch((error: unknown) => error);
    expect(failure).toMatchObject({
      code: "sql-file",
      message: expect.stringMatching(/bad\.sql:3:\d+: syntax error at or near "frm"/),
    });
    expect(await describeIn(directory)).toMatchObject({ pending: [bad] });
    const { rows } = await withClient(database.url, {}, (client) =>
      client.query("select tablename from pg_tables where tablename in ('next', 'half')"),
    );
    expect(rows).toEqual([{ tablename: "next" }]);
  });

  test("says that CREATE INDEX CONCURRENTLY is not supported", async () => {
    await writeFile(
      migration(await nextName("concurrent")),
      "create index concurrently on lightningtalk.events (title);\n",
    );
    await expect(migrateSchema(database.url, { directory })).rejects.toMatchObject({
      hint: expect.stringContaining("CONCURRENTLY"),
    });
  });

  test("refuses a file that ends its transaction by itself", async () => {
    await writeFile(migration(await nextName("commits")), "commit; select 1;\n");
    await expect(migrateSchema(database.url, { directory })).rejects.toMatchObject({
      code: "sql-file",
      message: expect.stringContaining("ends its transaction"),
    });
  });

  test("by two at the same time applies each file once", async () => {
    await writeFile(migration(await nextName("once")), NEXT);
    const results = await Promise.all([
      migrateSchema(database.url, { directory }),
      migrateSchema(database.url, { directory }),
    ]);
    expect(results.flatMap(({ applied }) => applied)).toHaveLength(1);
  });
});

describe("history", () => {
  test("refuses an applied file that was edited, and names it", async () => {
    const [first] = await readMigrationFiles(directory);
    await writeFile(migration(first!.name), `${first!.text}-- one more comment\n`);
    const refusal = { code: "schema-edited", message: expect.stringContaining(first!.name) };
    await expect(migrateSchema(database.url, { directory })).rejects.toMatchObject(refusal);
    await expect(describeIn(directory)).rejects.toMatchObject(refusal);
  });

  test("does not take other line ends for an edit", async () => {
    for (const { name, text } of await readMigrationFiles(directory))
      await writeFile(migration(name), text.replaceAll("\n", "\r\n"));
    expect((await migrateSchema(database.url, { directory })).applied).toEqual([]);
  });

  test("refuses an applied file that was renamed or is gone", async () => {
    const [first] = await readMigrationFiles(directory);
    await writeFile(migration("0001-other.sql"), first!.text);
    await rm(migration(first!.name));
    await expect(migrateSchema(database.url, { directory })).rejects.toMatchObject({ code: "schema-missing" });
  });

  test("refuses a database that is newer than the program", async () => {
    await writeFile(migration(await nextName("newer")), NEXT);
    await migrateSchema(database.url, { directory });
    await expect(migrateSchema(database.url)).rejects.toMatchObject({
      code: "schema-newer",
      message: expect.stringContaining("newer.sql"),
    });
  });

  test("refuses a ledger whose head was changed by hand", async () => {
    await withClient(database.url, {}, (client) =>
      client.query("update ops.schema_migrations set head = 'x' where name like '0001%'"),
    );
    await expect(migrateSchema(database.url)).rejects.toMatchObject({ code: "schema-head" });
  });

  test("of an empty database has everything pending, and asking changes nothing", async () => {
    const empty = databaseUrl(await adminUrl(), "template1");
    const files = await readMigrationFiles();
    const state = await withClient(empty, {}, (client) => describeSchema(client));
    expect(state).toEqual({ head: EMPTY_HEAD, applied: [], pending: files.map(({ name }) => name) });
  });
});

describe("files", () => {
  test.each([
    ["a gap", "0042-gap.sql", "so a file is missing"],
    ["a number taken twice", "0001-again.sql", "taken twice"],
    ["a name of another form", "next.sql", "not named like"],
  ])("with %s are refused", async (_, name, reason) => {
    await writeFile(migration(name), NEXT);
    await expect(readMigrationFiles(directory)).rejects.toMatchObject({
      code: "migration-files",
      message: expect.stringContaining(reason),
    });
  });
});

describe("the committed dump", () => {
  test("names every migration's tables", async () => {
    const dump = await readFile(join(SQL_DIRECTORY, "schema.dump.sql"), "utf8");
    const { rows } = await withClient(database.url, {}, (client) =>
      client.query(
        "select schemaname || '.' || tablename as name from pg_tables where schemaname in ('lightningtalk', 'ops')",
      ),
    );
    expect(rows.length).toBeGreaterThan(8);
    for (const { name } of rows) expect(dump).toContain(`table ${name} owner lt_admin`);
  });
});

/** The file name with the next free number, or the one `ahead` steps on. */
async function nextName(word: string, ahead = 1): Promise<string> {
  const { length } = await readMigrationFiles();
  return `${String(length + ahead).padStart(4, "0")}-${word}.sql`;
}
