import { spawn } from "node:child_process";
import { access, mkdtemp, chmod } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { startLocalServer } from "../../ops/platform/local.ts";
import { findPostmaster } from "../../ops/platform/postmaster.ts";
import { withClient } from "../../ops/postgres/connection.ts";
import { adminUrl, cloneDatabase } from "./server.ts";
import { useDatabase } from "./test-database.ts";

const database = useDatabase();

test("gives each caller a database of its own with the whole schema", async () => {
  const other = await cloneDatabase();
  expect(other.name).not.toBe(database.name);
  for (const { url } of [database, other]) {
    expect(await count(url, "select count(*)::int as count from lightningtalk.events")).toBe(0);
  }
  await other.drop();
});

test("drops a database that has sessions left", async () => {
  const other = await cloneDatabase();
  await withClient(other.url, {}, async () => await other.drop()).catch(() => {});
  const admin = await adminUrl();
  expect(
    await count(admin, `select count(*)::int as count from pg_catalog.pg_database where datname = '${other.name}'`),
  ).toBe(0);
});

test("removes the server of a test run that died, however it died", async () => {
  const home = await mkdtemp(join(tmpdir(), "lightningtalk-orphan-"));
  await chmod(home, 0o755);
  const { dataDirectory } = await startLocalServer(home);
  const guard = spawn(process.execPath, [join(import.meta.dirname, "guard.ts"), home], {
    stdio: ["pipe", "ignore", "inherit"],
  });
  await new Promise((resolve) => setTimeout(resolve, 500));
  expect(await findPostmaster(dataDirectory)).toBeDefined();
  guard.stdin.end();
  expect(await new Promise((resolve) => guard.once("close", resolve))).toBe(0);
  expect(await findPostmaster(dataDirectory)).toBeUndefined();
  await expect(access(home)).rejects.toThrow("ENOENT");
});

async function count(url: string, sql: string): Promise<number | undefined> {
  return await withClient(url, {}, async (client) => (await client.query<{ count: number }>(sql)).rows[0]?.count);
}
