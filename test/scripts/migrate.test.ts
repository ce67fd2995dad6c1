import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, expect, test } from "vitest";
import { PROJECT_ROOT } from "../../ops/config/project-root.ts";
import { withClient } from "../../ops/postgres/connection.ts";
import { readTree } from "../backup/data-directory.ts";
import { writeDamagedData } from "../migration/support/damaged-data.ts";
import { makeEmptyDatabase } from "../migration/support/own-database.ts";
import { rowVersions } from "../migration/support/row-versions.ts";
import { makeTempDirectory } from "../migration/support/temp-directory.ts";
import { runScript } from "../support/child-process.ts";
import type { Outcome } from "../support/child-process.ts";
import { runScriptProcess } from "../support/run-script.ts";
import { makeTempHome } from "../support/temp-home.ts";

const commands = ["run", "prepare", "execute", "verify", "cleanup", "status"];
const planned = [
  "migrateEvents",
  "migrateParticipants",
  "migrateTalks",
  "migrateSettings",
  "migrateAnalytics",
  "validateIntegrity",
];

let url: string;
let dataDirectory: string;
let data: string[];
let accept: string[];

beforeEach(async () => {
  url = await makeEmptyDatabase();
  dataDirectory = join(await makeTempDirectory(), "data");
  const { quarantined } = await writeDamagedData(dataDirectory, 300);
  data = ["--data", dataDirectory];
  accept = ["--accept-quarantined", String(quarantined)];
});

async function migrate(...args: string[]): Promise<Outcome> {
  return await runScript("migrate.mjs", args, { DATABASE_URL: url });
}

/** What a command with --json printed: exactly one object, and nothing else on standard output. */
function json({ stdout }: Outcome): Record<string, unknown> {
  expect(stdout.trimEnd().split("\n")).toHaveLength(1);
  return JSON.parse(stdout) as Record<string, unknown>;
}

/** Every object and every row of ours, each with the transaction that wrote it. */
async function databaseState(): Promise<unknown> {
  const objects = await withClient(url, {}, async (client) => {
    const { rows } = await client.query(
      `select 'relation' as kind, relname as name, xmin::text from pg_class
       union all select 'schema', nspname, xmin::text from pg_namespace
       union all select 'function', oid::regprocedure::text, xmin::text from pg_proc order by 1, 2, 3`,
    );
    return rows;
  });
  return { objects, rows: await rowVersions(url) };
}

test("every command explains itself", async () => {
  const general = await runScript("migrate.mjs", ["--help"]);
  expect(general).toMatchObject({ code: 0, stderr: "" });
  for (const name of commands) {
    expect(general.stdout).toContain(name);
    const help = await runScript("migrate.mjs", [name, "--help"]);
    expect(help).toMatchObject({ code: 0, stderr: "", stdout: expect.stringContaining(`migrate.mjs ${name}`) });
  }
});

test.for([
  [[]],
  [["bogus"]],
  [["execute", "--accept-quarantined", "many"]],
  [["execute", "--accept-quarantined", "-1"]],
  [["verify", "--replace"]],
])("wrong usage ends with 2 before anything is touched: %j", async ([args]) => {
  const outcome = await migrate(...args!);
  expect(outcome).toMatchObject({ code: 2, stdout: "" });
  expect(outcome.stderr).not.toBe("");
});

test("the whole way: each command ends with 0, speaks on standard error and puts its result on standard output", async () => {
  for (const args of [
    ["prepare"],
    ["execute", ...accept],
    ["verify"],
    ["status"],
    ["execute", ...accept],
    ["run", ...accept],
  ]) {
    const outcome = await migrate(...args, ...data);
    expect({ args, code: outcome.code, stderr: outcome.stderr }).toMatchObject({ args, code: 0 });
    expect(outcome.stdout).not.toBe("");
    expect(outcome.stdout).not.toMatch(/^(done|failed) /m);
    expect(outcome.stdout + outcome.stderr).not.toContain("\u001b");
  }
});

test("the steps of execute have the names of the plan, and a second run says that they are done", async () => {
  const first = await migrate("execute", ...data, ...accept);
  const second = await migrate("execute", ...data, ...accept);
  const steps = (text: string) => [...text.matchAll(/^done +([^:(]+?)[:(]/gm)].map(([, title]) => title);
  expect(steps(first.stderr).filter((title) => planned.includes(title!))).toEqual(planned);
  expect(steps(second.stderr)).toEqual(steps(first.stderr));
  for (const step of planned.slice(0, -1)) expect(second.stderr).toMatch(new RegExp(`${step}: already loaded`));
  expect(second.stdout).toContain("loaded before");
});

test("a dry run writes neither file nor row, and prints the steps of the real run", async () => {
  const files = await readTree(dataDirectory);
  const database = await databaseState();
  for (const name of ["prepare", "execute", "run"]) {
    const dry = await migrate(name, ...data, "--dry-run");
    expect({ name, code: dry.code, stderr: dry.stderr }).toMatchObject({ name, code: 0 });
    const wanted = name === "prepare" ? [] : planned.map((step) => `would ${step}: `);
    expect(wanted.filter((line) => !dry.stdout.includes(line))).toEqual([]);
    expect({ name, files: await readTree(dataDirectory) }).toEqual({ name, files });
    expect({ name, database: await databaseState() }).toEqual({ name, database });
  }
  const plan = json(await migrate("execute", ...data, "--dry-run", "--json"))["steps"] as { title: string }[];
  const real = await migrate("execute", ...data, ...accept);
  for (const { title } of plan) expect(real.stderr).toContain(title);
  const loaded = await databaseState();
  const kept = await readTree(dataDirectory);
  const again = await migrate("execute", ...data, "--dry-run");
  for (const step of planned.slice(0, -1)) expect(again.stdout).toMatch(new RegExp(`would ${step}: nothing`));
  expect(await databaseState()).toEqual(loaded);
  expect(await readTree(dataDirectory)).toEqual(kept);
});

test("--json prints one object with the command and whether it worked, also when it failed", async () => {
  expect(json(await migrate("status", ...data, "--json"))).toMatchObject({
    command: "migrate status",
    ok: false,
    error: { code: "nothing-loaded" },
  });
  expect(json(await migrate("verify", ...data, "--json"))).toMatchObject({
    command: "migrate verify",
    ok: false,
    error: { code: "nothing-loaded" },
  });
  expect(json(await migrate("execute", ...data, "--json"))).toMatchObject({
    command: "migrate execute",
    ok: false,
    error: {
      code: "quarantined",
      hint: expect.stringContaining(accept.join(" ")),
      details: { quarantined: Number(accept[1]) },
    },
  });
  for (const [name, ...args] of [["prepare"], ["execute", ...accept], ["verify"], ["status"]]) {
    expect(json(await migrate(name!, ...args, ...data, "--json"))).toMatchObject({
      command: `migrate ${name}`,
      ok: true,
    });
  }
  expect(json(await migrate("execute", "--json", "--no-such-flag"))).toMatchObject({
    ok: false,
    error: { code: "usage" },
  });
});

test("a broken file ends execute and prepare with 1, its place, and nothing in the database", async () => {
  await writeFile(join(dataDirectory, "talks.json"), `[{"id": "a"},\n {"id": ]`);
  const before = await databaseState();
  for (const name of ["prepare", "execute", "run"]) {
    const outcome = await migrate(name, ...data);
    expect(outcome).toMatchObject({ code: 1, stdout: "" });
    expect(outcome.stderr).toMatch(/talks\.json:2:9: /);
  }
  expect(await databaseState()).toEqual(before);
});

test("an empty directory and a missing one are refused with the flag to set", async () => {
  const empty = await makeTempDirectory();
  for (const directory of [empty, join(empty, "missing")]) {
    const outcome = await migrate("execute", "--data", directory);
    expect(outcome).toMatchObject({ code: 1, stdout: "" });
    expect(outcome.stderr).toContain("--data DIR");
  }
});

test("differences end verify with 1 and name the record", async () => {
  await migrate("execute", ...data, ...accept);
  await withClient(url, {}, (client) =>
    client.query("update lightningtalk.talks set title = 'changed' where id = 'talk-7'"),
  );
  const outcome = await migrate("verify", ...data);
  expect(outcome.code).toBe(1);
  expect(outcome.stdout).toContain("different  talks talk-7");
  expect(outcome.stdout).toContain("/title");
});

test("no command prints the password, whatever happens", async () => {
  const secret = "swordfish-of-this-test";
  const withSecret = new URL(url);
  withSecret.password = secret;
  const urls = [
    withSecret.href,
    Object.assign(new URL(withSecret), { port: "1" }).href,
    Object.assign(new URL(withSecret), { pathname: "/no-such-database" }).href,
  ];
  for (const wrong of urls) {
    for (const args of [["execute", "--verbose"], ["execute", "--json"], ["status"], ["execute", "--dry-run"]]) {
      const outcome = await runScript(
        "migrate.mjs",
        [...args, ...data, ...accept.slice(0, args[0] === "execute" ? 2 : 0)],
        { DATABASE_URL: wrong, DEBUG: "1" },
      );
      expect(outcome.code).toBe(1);
      expect(outcome.stdout + outcome.stderr).not.toContain(secret);
    }
  }
});

test("npm run migrate:prepare takes the flags of the script and uses the embedded server where no other is named", async () => {
  const env = { LT_HOME: await makeTempHome() };
  const args = ["run", "--silent", "migrate:prepare", "--", ...data, "--json"];
  const { exitCode, stdout } = await runScriptProcess("npm", args, { cwd: PROJECT_ROOT, env });
  expect(exitCode).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ command: "migrate prepare", ok: true, quarantined: Number(accept[1]) });
});
