import { spawn, type ChildProcess } from "node:child_process";
import { chmod, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { onTestFinished, expect, test } from "vitest";
import { describeLocalServer } from "../../ops/platform/describe-local.ts";
import { startLocalServer, stopLocalServer, type LocalServer } from "../../ops/platform/local.ts";
import { findPostmaster } from "../../ops/platform/postmaster.ts";
import { withClient } from "../../ops/postgres/connection.ts";
import { makeTempHome } from "../support/temp-home.ts";

test("keeps what was committed when the server is killed, and starts again", async () => {
  const home = await makeTempHome();
  const server = await startLocalServer(home);
  await writeRow(server, "committed before the kill");
  await kill(server);
  expect(await describeLocalServer(home)).toMatchObject({ state: "stopped" });
  const again = await startLocalServer(home);
  expect(again.startedNow).toBe(true);
  expect(await readRows(again)).toEqual(["committed before the kill"]);
});

test("starts over the pid file of a killed server whose pid another program has now", async () => {
  const home = await makeTempHome();
  const server = await startLocalServer(home);
  await writeRow(server, "kept");
  await kill(server);
  const other = await runOther();
  await claimPid(server, other.pid ?? 0);
  expect(await describeLocalServer(home)).toMatchObject({ state: "stopped" });
  expect(await readRows(await startLocalServer(home))).toEqual(["kept"]);
  expect(other.exitCode).toBeNull();
});

test("never signals another program that got the pid of a killed server", async () => {
  const home = await makeTempHome();
  const server = await startLocalServer(home);
  await kill(server);
  const other = await runOther();
  await claimPid(server, other.pid ?? 0);
  expect(await stopLocalServer(home)).toBe(false);
  expect(other.exitCode ?? other.signalCode).toBeNull();
});

test.for(["", "99999999\n", "-1\n", "not a pid file"])("starts over the stale pid file %j", async (content) => {
  const home = await makeTempHome();
  const { dataDirectory } = await startLocalServer(home);
  await stopLocalServer(home);
  await writeFile(join(dataDirectory, "postmaster.pid"), content);
  expect(await stopLocalServer(home)).toBe(false);
  expect((await startLocalServer(home)).startedNow).toBe(true);
});

test("finishes a creation that was killed half way", async () => {
  const home = await makeTempHome();
  const { dataDirectory } = await startLocalServer(home);
  await stopLocalServer(home);
  // What a killed creation leaves: the unfinished directory and the password for initdb, and no data directory.
  await rm(join(dataDirectory, "PG_VERSION"));
  await rm(dataDirectory, { recursive: true });
  await writeFile(`${dataDirectory}.partial-password`, "left over");
  expect((await startLocalServer(home)).startedNow).toBe(true);
  await expect(readFile(`${dataDirectory}.partial-password`)).rejects.toThrow("ENOENT");
});

test("refuses a data directory of another major version and says which", async () => {
  const home = await makeTempHome();
  const { dataDirectory } = await startLocalServer(home);
  await stopLocalServer(home);
  await writeFile(join(dataDirectory, "PG_VERSION"), "15\n");
  await expect(startLocalServer(home)).rejects.toMatchObject({
    code: "other-major-version",
    message: expect.stringMatching(/made by PostgreSQL 15, and this is PostgreSQL 18/),
    hint: expect.stringMatching(/export/),
  });
  expect(await describeLocalServer(home)).toMatchObject({ state: "stopped", dataVersion: "15" });
});

test("refuses a directory that holds no cluster instead of overwriting it", async () => {
  const home = await makeTempHome();
  const { dataDirectory } = await startLocalServer(home);
  await stopLocalServer(home);
  await rm(join(dataDirectory, "PG_VERSION"));
  await expect(startLocalServer(home)).rejects.toMatchObject({ code: "no-cluster" });
});

test("says what the server says when it does not start", async () => {
  const home = await makeTempHome();
  await startLocalServer(home);
  await stopLocalServer(home);
  await expect(startLocalServer(home, { shared_buffers: "nonsense" })).rejects.toMatchObject({
    code: "server-failed",
    message: expect.stringContaining('invalid value for parameter "shared_buffers": "nonsense"'),
  });
  expect((await startLocalServer(home)).startedNow).toBe(true);
});

async function kill({ pid, dataDirectory }: LocalServer): Promise<void> {
  process.kill(pid, "SIGKILL");
  await expect.poll(() => findPostmaster(dataDirectory)).toBeUndefined();
}

/** A program that is no server; it has the same user as the server, for PostgreSQL minds only processes of its own user. */
async function runOther(): Promise<ChildProcess> {
  const { uid, gid } = await serverUser();
  const other = spawn("/bin/sleep", ["300"], { stdio: "ignore", cwd: "/", ...(uid !== undefined && { uid, gid }) });
  onTestFinished(() => void other.kill("SIGKILL"));
  await new Promise((resolve) => other.once("spawn", resolve));
  return other;
}

async function serverUser(): Promise<{ uid?: number; gid?: number }> {
  if (process.getuid?.() !== 0) return {};
  const { serverIdentity } = await import("../../ops/platform/identity.ts");
  return serverIdentity("/nonexistent") ?? {};
}

async function claimPid({ dataDirectory }: LocalServer, pid: number): Promise<void> {
  const path = join(dataDirectory, "postmaster.pid");
  const content = await readFile(path, "utf8");
  await writeFile(path, content.replace(/^\d+/, String(pid)));
  await chmod(path, 0o600);
}

async function writeRow({ url }: LocalServer, text: string): Promise<void> {
  await withClient(url, {}, async (client) => {
    await client.query("create table public.kept (value text)");
    await client.query("insert into public.kept values ($1)", [text]);
  });
}

async function readRows({ url }: LocalServer): Promise<string[]> {
  return await withClient(url, {}, async (client) => {
    const { rows } = await client.query<{ value: string }>("select value from public.kept");
    return rows.map(({ value }) => value);
  });
}
