import { expect, test } from "vitest";
import { withClient } from "../../ops/postgres/connection.ts";
import { runScript, type Outcome } from "../support/child-process.ts";
import { makeTempHome } from "../support/temp-home.ts";

test("explains itself and every command", async () => {
  const general = await runScript("db.mjs", ["--help"]);
  expect(general).toMatchObject({ code: 0, stderr: "" });
  expect(general.stdout).toMatch(/start[^]*stop[^]*status[^]*url[^]*migrate/);
  for (const name of ["start", "stop", "status", "url", "migrate"]) {
    const help = await runScript("db.mjs", [name, "--help"]);
    expect(help).toMatchObject({ code: 0, stderr: "" });
    expect(help.stdout).toContain(`db.mjs ${name}`);
  }
});

test("ends with 2 on wrong usage and says what to type", async () => {
  const unknown = await runScript("db.mjs", ["bogus"]);
  expect(unknown).toMatchObject({ code: 2, stdout: "" });
  expect(unknown.stderr).toContain("bogus");
  expect(await runScript("db.mjs", ["start", "--bogus"])).toMatchObject({ code: 2, stdout: "" });
  expect(await runScript("db.mjs", [])).toMatchObject({ code: 2, stdout: "" });
});

test("starts, shows, migrates and stops the embedded server, one process per command", async () => {
  const environment = { LT_HOME: await makeTempHome() };
  expect(json(await runScript("db.mjs", ["status", "--json"], environment))).toMatchObject({ state: "absent" });

  const started = json(await runScript("db.mjs", ["start", "--json"], environment));
  expect(started).toMatchObject({ command: "db start", ok: true, state: "running", startedNow: true, onDemand: false });
  const again = json(await runScript("db.mjs", ["start", "--json"], environment));
  expect(again).toMatchObject({ startedNow: false, pid: started["pid"], port: started["port"] });

  const migrated = json(await runScript("db.mjs", ["migrate", "--json"], environment));
  expect(migrated).toMatchObject({ ok: true, alreadyApplied: 0 });
  expect(json(await runScript("db.mjs", ["migrate", "--json"], environment))).toMatchObject({
    applied: [],
    head: migrated["head"],
  });

  const url = await runScript("db.mjs", ["url"], environment);
  expect(url).toMatchObject({ code: 0, stderr: "" });
  expect(await tableCount(url.stdout.trim())).toBeGreaterThan(3);

  expect(await runScript("db.mjs", ["stop"], environment)).toMatchObject({
    code: 0,
    stdout: "PostgreSQL has stopped.\n",
  });
  expect(json(await runScript("db.mjs", ["stop", "--json"], environment))).toMatchObject({ ok: true, stopped: false });
  expect(json(await runScript("db.mjs", ["status", "--json"], environment))).toMatchObject({ state: "stopped" });
});

test("shows the password by url alone", async () => {
  const environment = { LT_HOME: await makeTempHome() };
  await runScript("db.mjs", ["start"], environment);
  const { stdout } = await runScript("db.mjs", ["url"], environment);
  const { password } = new URL(stdout.trim());
  expect(password.length).toBeGreaterThanOrEqual(32);
  for (const args of [["status"], ["status", "--json"], ["start", "--verbose"], ["migrate", "--json"], ["stop"]]) {
    const outcome = await runScript("db.mjs", args, environment);
    expect(outcome.code).toBe(0);
    expect(outcome.stdout + outcome.stderr).not.toContain(password);
  }
});

test("fails with the next command when there is no server to ask", async () => {
  const environment = { LT_HOME: await makeTempHome() };
  const text = await runScript("db.mjs", ["url"], environment);
  expect(text).toMatchObject({ code: 1, stdout: "" });
  expect(text.stderr).toContain("npx zx ops/db.mjs start");
  const outcome = await runScript("db.mjs", ["url", "--json"], environment);
  expect(outcome.code).toBe(1);
  expect(JSON.parse(outcome.stdout)).toMatchObject({ command: "db url", ok: false, error: { code: "not-running" } });
});

test("writes nothing on --dry-run and says what a real run does", async () => {
  const environment = { LT_HOME: await makeTempHome() };
  expect((await runScript("db.mjs", ["start", "--dry-run"], environment)).stdout).toContain("Would start it.");
  expect(json(await runScript("db.mjs", ["status", "--json"], environment))).toMatchObject({ state: "absent" });
  await runScript("db.mjs", ["start"], environment);
  const plan = json(await runScript("db.mjs", ["migrate", "--dry-run", "--json"], environment));
  expect(plan["pending"]).not.toHaveLength(0);
  expect((await runScript("db.mjs", ["stop", "--dry-run"], environment)).stdout).toContain("Would stop it.");
  const { stdout: url } = await runScript("db.mjs", ["url"], environment);
  expect(await tableCount(url.trim())).toBe(0);
});

test("migrates on demand and leaves no server behind", async () => {
  const environment = { LT_HOME: await makeTempHome() };
  expect(await runScript("db.mjs", ["migrate"], environment)).toMatchObject({ code: 0 });
  expect(json(await runScript("db.mjs", ["status", "--json"], environment))).toMatchObject({ state: "stopped" });
});

function json(outcome: Outcome): Record<string, unknown> {
  expect(outcome).toMatchObject({ code: 0, stderr: "" });
  expect(outcome.stdout.trimEnd().split("\n")).toHaveLength(1);
  return JSON.parse(outcome.stdout) as Record<string, unknown>;
}

async function tableCount(url: string): Promise<number> {
  return await withClient(url, {}, async (client) => {
    const { rows } = await client.query<{ count: number }>(
      "select count(*)::int as count from pg_catalog.pg_tables where schemaname = 'lightningtalk'",
    );
    return rows[0]?.count ?? 0;
  });
}
