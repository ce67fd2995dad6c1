import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { withClient } from "../../ops/postgres/connection.ts";
import { dumpSchema } from "../../ops/postgres/schema-dump.ts";
import { differingLines } from "../../ops/postgres/text-difference.ts";
import { cloneDatabase } from "../support/server.ts";

const PROGRAM = join(import.meta.dirname, "../../ops/postgres/dump-schema.ts");

/** The lines by which the dump differs after a change of the schema. */
async function linesAfter(change: string): Promise<string[]> {
  const database = await cloneDatabase();
  try {
    const before = await withClient(database.url, {}, dumpSchema);
    await withClient(database.url, {}, (client) => client.query(change));
    return differingLines(before, await withClient(database.url, {}, dumpSchema));
  } finally {
    await database.drop();
  }
}

test.each([
  ["a column's type", "alter table lightningtalk.events alter max_talks type bigint", "+   max_talks bigint"],
  ["a default", "alter table lightningtalk.events alter status set default 'x'", "+   status text default 'x'::text"],
  ["a missing NOT NULL", "alter table lightningtalk.settings alter value drop not null", "+   value jsonb"],
  [
    "a dropped index",
    "drop index lightningtalk.talks_event",
    "- CREATE INDEX talks_event ON lightningtalk.talks USING btree (event_id)",
  ],
  [
    "a further constraint",
    "alter table lightningtalk.talks add constraint c check (duration > 0) not valid",
    "+ lightningtalk.talks c: CHECK ((duration > 0)) NOT VALID",
  ],
  ["an owner", "alter table ops.quarantine owner to postgres", "+ table ops.quarantine owner postgres"],
  ["a grant", "grant delete on lightningtalk.talks to lt_report", "+ table lightningtalk.talks: delete to lt_report"],
  [
    "a grant on a column",
    "grant select (document) on lightningtalk.documents to lt_report",
    "+ column lightningtalk.documents.document: select to lt_report",
  ],
  [
    "a default privilege",
    "alter default privileges for role lt_admin in schema ops grant select on tables to lt_app",
    "+ later tables of ops: select to lt_app",
  ],
  ["a view", "create view ops.v as select 1 as x", "+ view ops.v owner postgres"],
  ["a type", "create type ops.kind as enum ('a')", "+ type ops.kind"],
])("shows a change of %s", async (_, change, line) => {
  expect(await linesAfter(change)).toContain(line);
});

test("shows a switched-off trigger and a function's changed body", async () => {
  expect((await linesAfter("alter table lightningtalk.talks disable trigger drop_stale_remainder")).join("\n")).toMatch(
    /^\+ .*-- disabled$/m,
  );
  const change = `create or replace function lightningtalk.promote_duplicates(ids text[]) returns void language sql as 'select 1 where false'`;
  expect(await linesAfter(change)).toContain("+ AS $function$select 1 where false$function$");
});

test("is the same when nothing has changed", async () => {
  expect(await linesAfter("insert into lightningtalk.events (id) values ('x')")).toEqual([]);
});

describe("dump-schema.ts", () => {
  test("finds the committed dump to be what sql/ makes", async () => {
    expect(await promisify(execFile)(process.execPath, [PROGRAM, "--check"])).toEqual({ stdout: "", stderr: "" });
  });

  test.each([[[]], [["--update"]], [["--check", "--write"]]])(
    "refuses the arguments %j with exit code 2",
    async (args) => {
      const run = promisify(execFile)(process.execPath, [PROGRAM, ...args]);
      await expect(run).rejects.toMatchObject({ code: 2, stderr: expect.stringContaining("usage:") });
    },
  );
});

test.each([
  ["a\nb\nc", "a\nb\nc", []],
  ["a\nb\nc", "a\nc", ["- b"]],
  ["a\nc", "a\nb\nc", ["+ b"]],
  ["a\nb", "a\nx", ["- b", "+ x"]],
  ["", "x", ["- ", "+ x"]],
])("compares %j with %j line by line", (expected, actual, lines) => {
  expect(differingLines(expected, actual)).toEqual(lines);
});
