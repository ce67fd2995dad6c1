import { access, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { describeLocalServer } from "../../ops/platform/describe-local.ts";
import { startLocalServer, stopLocalServer } from "../../ops/platform/local.ts";
import { withClient } from "../../ops/postgres/connection.ts";
import { runModule } from "../support/child-process.ts";
import { makeTempHome } from "../support/temp-home.ts";

const START = `
  const { startLocalServer } = await import("${join(import.meta.dirname, "../../ops/platform/local.ts")}");
  const { pid, port, startedNow } = await startLocalServer(process.argv[1]);
  console.log(JSON.stringify({ pid, port, startedNow }));
`;

test("starts with an empty home in under two seconds, and again in less", async () => {
  const home = await makeTempHome();
  const first = await measure(() => startLocalServer(home));
  await stopLocalServer(home);
  const again = await measure(() => startLocalServer(home));
  process.stderr.write(`first start ${first.seconds.toFixed(2)} s, next start ${again.seconds.toFixed(2)} s\n`);
  expect([first.value.startedNow, again.value.startedNow]).toEqual([true, true]);
  // Alone on two cores it takes 0.9 s; the bound leaves room for the other tests that run at the same time.
  expect(first.seconds).toBeLessThan(6);
  expect(again.seconds).toBeLessThan(2);
});

test("is found again by another process after the one that started it has ended", async () => {
  const home = await makeTempHome();
  const starter = await runModule(START, [home]);
  expect(starter).toMatchObject({ code: 0, stderr: "" });
  const started = JSON.parse(starter.stdout) as { pid: number; port: number; startedNow: boolean };
  expect(started.startedNow).toBe(true);
  const found = await startLocalServer(home);
  expect(found).toMatchObject({ pid: started.pid, port: started.port, startedNow: false });
});

test("becomes one server when several processes start it at once", async () => {
  const home = await makeTempHome();
  const outcomes = await Promise.all([1, 2, 3, 4].map(() => runModule(START, [home])));
  expect(outcomes.map(({ stderr }) => stderr)).toEqual(["", "", "", ""]);
  const servers = outcomes.map(({ stdout }) => JSON.parse(stdout) as { pid: number; startedNow: boolean });
  expect(new Set(servers.map(({ pid }) => pid)).size).toBe(1);
  expect(servers.filter(({ startedNow }) => startedNow)).toHaveLength(1);
});

test("becomes one server when one process starts it several times at once", async () => {
  const home = await makeTempHome();
  const servers = await Promise.all([1, 2, 3].map(() => startLocalServer(home)));
  expect(new Set(servers.map(({ pid }) => pid)).size).toBe(1);
  expect(servers.filter(({ startedNow }) => startedNow)).toHaveLength(1);
});

test("stops once, says so, and stopping again is no error", async () => {
  const home = await makeTempHome();
  expect(await stopLocalServer(home)).toBe(false);
  const { dataDirectory } = await startLocalServer(home);
  expect(await stopLocalServer(home)).toBe(true);
  await expect(access(join(dataDirectory, "postmaster.pid"))).rejects.toThrow("ENOENT");
  expect(await stopLocalServer(home)).toBe(false);
});

test("keeps its port and password over a restart", async () => {
  const home = await makeTempHome();
  const before = await startLocalServer(home);
  await stopLocalServer(home);
  const after = await startLocalServer(home);
  expect(after.url).toBe(before.url);
  expect(after.pid).not.toBe(before.pid);
});

test("lets nobody in without the password, which only its owner can read and no argument holds", async () => {
  const home = await makeTempHome();
  const server = await startLocalServer(home);
  const wrong = new URL(server.url);
  wrong.password = "wrong-password";
  await expect(withClient(wrong.href, {}, async () => "inside")).rejects.toThrow(/password/);
  const bySocket = `postgresql://postgres@/postgres?host=${encodeURIComponent(server.socketDirectory)}&port=${server.port}`;
  await expect(withClient(bySocket, {}, async () => "inside")).rejects.toThrow(/password/i);
  expect((await stat(join(home, "postgres", "password"))).mode & 0o777).toBe(0o600);
  expect(await readFile(join(server.dataDirectory, "postmaster.opts"), "utf8")).not.toContain(
    new URL(server.url).password,
  );
});

test("runs with durable settings, in UTF-8 and UTC, and with checksums", async () => {
  const { url } = await startLocalServer(await makeTempHome());
  const names = ["fsync", "synchronous_commit", "full_page_writes", "max_wal_size", "timezone", "data_checksums"];
  const settings = await withClient(url, {}, async (client) => {
    const { rows } = await client.query<{ name: string; value: string }>(
      "select name, current_setting(name) as value from unnest($1::text[]) as name",
      [[...names, "server_encoding", "shared_buffers"]],
    );
    return Object.fromEntries(rows.map(({ name, value }) => [name, value]));
  });
  expect(settings).toEqual({
    fsync: "on",
    synchronous_commit: "on",
    full_page_writes: "on",
    max_wal_size: "4GB",
    timezone: "UTC",
    data_checksums: "on",
    server_encoding: "UTF8",
    shared_buffers: "256MB",
  });
});

test("takes settings with any characters in them", async () => {
  const name = "it's a \\ 'name' # of $1";
  const { url } = await startLocalServer(await makeTempHome(), { cluster_name: name });
  const { rows } = await withClient(
    url,
    {},
    async (client) => await client.query("select current_setting('cluster_name') as name"),
  );
  expect(rows).toEqual([{ name }]);
});

test("describes itself absent, running and stopped without changing anything", async () => {
  const home = await makeTempHome();
  expect(await describeLocalServer(home)).toMatchObject({ state: "absent", home });
  await expect(access(join(home, "postgres"))).rejects.toThrow("ENOENT");
  const server = await startLocalServer(home);
  const running = await describeLocalServer(home);
  expect(running).toMatchObject({
    state: "running",
    pid: server.pid,
    port: server.port,
    url: server.url,
    dataVersion: "18",
  });
  expect(running.bytesOnDisk).toBeGreaterThan(10_000_000);
  expect(Math.abs(Date.now() - Number(running.startedAt))).toBeLessThan(60_000);
  await stopLocalServer(home);
  const stopped = await describeLocalServer(home);
  expect(stopped).toMatchObject({ state: "stopped", dataDirectory: server.dataDirectory });
  expect(stopped.pid).toBeUndefined();
});

test("puts its socket under a short path where the home's is too long for one", async () => {
  const home = join(await makeTempHome(), "deep".repeat(30));
  const server = await startLocalServer(home);
  try {
    const bySocket = new URL(server.url);
    const url = `postgresql://postgres:${bySocket.password}@/postgres?host=${encodeURIComponent(server.socketDirectory)}&port=${server.port}`;
    expect(await withClient(url, {}, async (client) => (await client.query("select 1 as one")).rows)).toEqual([
      { one: 1 },
    ]);
  } finally {
    await stopLocalServer(home);
  }
  await expect(access(server.socketDirectory)).rejects.toThrow("ENOENT");
});

async function measure<T>(task: () => Promise<T>): Promise<{ value: T; seconds: number }> {
  const begin = performance.now();
  const value = await task();
  return { value, seconds: (performance.now() - begin) / 1000 };
}
