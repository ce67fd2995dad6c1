import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect, onTestFinished, test } from "vitest";

import { loadConfig } from "../../ops/config/load-config.ts";
import { PROJECT_ROOT } from "../../ops/config/project-root.ts";
import type { SettingSources } from "../../ops/config/settings.ts";
import { OpsError } from "../../ops/errors.ts";

const NOWHERE = "/nonexistent-directory";

function load(sources: Partial<SettingSources>) {
  return loadConfig({ flags: {}, environment: {}, cwd: NOWHERE, ...sources });
}

function problemsOf(sources: Partial<SettingSources>): string[] {
  try {
    load(sources);
  } catch (error) {
    if (error instanceof OpsError && error.code === "config") return error.details["problems"] as string[];
    throw error;
  }
  throw new Error("The settings were accepted.");
}

async function directoryWithDotEnv(text: string): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "lt-config-"));
  onTestFinished(() => rm(directory, { recursive: true }));
  await writeFile(join(directory, ".env"), text);
  return directory;
}

test("has the plan's defaults when nothing is set", () => {
  expect(load({})).toEqual({
    dataDirectory: `${NOWHERE}/server/data`,
    databaseUrl: undefined,
    ltHome: join(PROJECT_ROOT, ".lt"),
    stage: "local",
    databaseType: "file",
    backup: { enabled: true, retentionDays: 30 },
    pool: { size: 20, connectionTimeoutMs: 2000, idleTimeoutMs: 30_000 },
  });
});

test("cannot be changed afterwards", () => {
  const config = load({});
  for (const part of [config, config.pool, config.backup]) expect(Object.isFrozen(part)).toBe(true);
});

test("takes a flag before the environment, and the environment before .env", async () => {
  const cwd = await directoryWithDotEnv("LT_DATA_DIR=from-file\nLT_STAGE=file\nDB_POOL_SIZE=3\n");
  const environment = { LT_DATA_DIR: "from-environment", LT_STAGE: "environment" };
  const config = load({ cwd, environment, flags: { data: "from-flag" } });
  expect(config.dataDirectory).toBe(join(cwd, "from-flag"));
  expect(config.stage).toBe("environment");
  expect(config.pool.size).toBe(3);
});

test("leaves the process's own environment as it is when it reads .env", async () => {
  const cwd = await directoryWithDotEnv("LT_DOT_ENV_PROBE=1\n");
  load({ cwd });
  expect(process.env["LT_DOT_ENV_PROBE"]).toBeUndefined();
});

test("counts an empty variable as absent, also against .env", async () => {
  const cwd = await directoryWithDotEnv("DB_POOL_SIZE=3\n");
  expect(load({ cwd, environment: { DB_POOL_SIZE: "", DATABASE_URL: "" } })).toMatchObject({
    databaseUrl: undefined,
    pool: { size: 3 },
  });
});

test("refuses an empty flag", () => {
  expect(problemsOf({ flags: { data: "" } })).toEqual(['--data must name a directory, got ""']);
});

test("lists every problem at once, each with the place and the value", async () => {
  const cwd = await directoryWithDotEnv("DB_IDLE_TIMEOUT=-1\n");
  const environment = {
    BACKUP_ENABLED: "perhaps",
    BACKUP_RETENTION_DAYS: "0",
    DB_POOL_SIZE: "1.5",
    DB_CONNECTION_TIMEOUT: "soon",
    DATABASE_TYPE: "mysql",
  };
  expect(problemsOf({ cwd, environment, flags: { stage: "Prod!" } }).toSorted()).toEqual(
    [
      '--stage must be a short name of lower-case letters, digits and hyphens, got "Prod!"',
      'BACKUP_ENABLED must be true or false, got "perhaps"',
      'BACKUP_RETENTION_DAYS must be a whole number from 1 to 3650, got "0"',
      'DATABASE_TYPE must be file, postgresql or phased, got "mysql"',
      'DB_CONNECTION_TIMEOUT must be a whole number of milliseconds from 1 to 3600000, got "soon"',
      'DB_IDLE_TIMEOUT in .env must be a whole number of milliseconds from 0 to 3600000, got "-1"',
      'DB_POOL_SIZE must be a whole number from 1 to 1000, got "1.5"',
    ].toSorted(),
  );
});

test.each([
  "mysql://u:hidden-word@h/d",
  "postgresql//u:hidden-word@h",
  "hidden-word",
  "postgres://u:hidden-word@h:port/d",
])("names a DATABASE_URL that is not a PostgreSQL URL without showing it: %s", (url) => {
  const [problem, ...others] = problemsOf({ environment: { DATABASE_URL: url } });
  expect(others).toEqual([]);
  expect(problem).toMatch(/^DATABASE_URL must be a URL of the form postgresql:/);
  expect(problem).not.toContain("hidden-word");
});

test.each([
  "postgres://h/d",
  "postgresql://u:p%40@h:5433/d",
  "postgresql:///d?host=/run/lt&port=5",
  "postgresql://u:p@%2Frun%2Flt:5/d",
])("accepts %s", (url) => {
  expect(load({ environment: { DATABASE_URL: url } }).databaseUrl).toBe(url);
});

test("says so when .env cannot be read", async () => {
  const cwd = await mkdtemp(join(tmpdir(), "lt-config-"));
  onTestFinished(() => rm(cwd, { recursive: true }));
  await mkdir(join(cwd, ".env"));
  expect(() => load({ cwd })).toThrow(
    expect.objectContaining({ code: "config", message: expect.stringContaining(".env") }),
  );
});
