import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { hostname } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { holderName, withAdvisoryLock } from "../../ops/postgres/advisory-lock.ts";
import { withClient } from "../../ops/postgres/connection.ts";
import { useDatabase } from "../support/test-database.ts";

const database = useDatabase();

async function startHolder(name: string): Promise<ChildProcess> {
  const child = spawn(
    process.execPath,
    [fileURLToPath(new URL("./lock-holder.ts", import.meta.url)), database.url, name],
    {
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  await once(child.stdout, "data");
  return child;
}

async function killLockSessions(): Promise<void> {
  await withClient(database.url, {}, (client) =>
    client.query("select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and granted"),
  );
}

test("refuses a second holder and names the first by command, process and host", async () => {
  const child = await startHolder("busy");
  try {
    const refused = withAdvisoryLock(database.url, "busy", "migrate run", async () => "never", { waitMs: 200 });
    await expect(refused).rejects.toMatchObject({
      code: "already-running",
      message: expect.stringMatching(
        new RegExp(`held by "migrate execute pid ${child.pid} on ${hostname().slice(0, 10)}.*since 20`),
      ),
      hint: expect.stringContaining("pg_terminate_backend"),
    });
  } finally {
    child.kill("SIGKILL");
  }
});

test("gets the lock by waiting while the first holder finishes", async () => {
  const order: string[] = [];
  const first = withAdvisoryLock(database.url, "queue", "first", async () => {
    order.push("first begins");
    await sleep(500);
    order.push("first ends");
  });
  await sleep(150);
  await withAdvisoryLock(database.url, "queue", "second", async () => void order.push("second"));
  await first;
  expect(order).toEqual(["first begins", "first ends", "second"]);
});

test("is free within the waiting time after its holder was killed with SIGKILL", async () => {
  const child = await startHolder("killed");
  child.kill("SIGKILL");
  expect(await withAdvisoryLock(database.url, "killed", "next", async () => "mine")).toBe("mine");
});

test("is released after success and after failure", async () => {
  await expect(
    withAdvisoryLock(database.url, "released", "failing", async () => {
      throw new Error("the work failed");
    }),
  ).rejects.toThrow("the work failed");
  for (const holder of ["second", "third"]) {
    expect(await withAdvisoryLock(database.url, "released", holder, async () => holder, { waitMs: 1 })).toBe(holder);
  }
});

test("does not stop holders of other names or of other databases", async () => {
  await withAdvisoryLock(database.url, "one", "outer", async () => {
    expect(await withAdvisoryLock(database.url, "two", "inner", async () => "both", { waitMs: 1 })).toBe("both");
  });
});

test("tells its holder at once when the lock's connection is cut, and does not report success", async () => {
  let reason: unknown;
  const run = withAdvisoryLock(database.url, "cut", "holder", async (signal) => {
    const aborted = once(signal, "abort");
    await killLockSessions();
    await aborted;
    reason = signal.reason;
    return "looks like success";
  });
  await expect(run).rejects.toMatchObject({ code: "lock-lost" });
  expect(reason).toMatchObject({ code: "lock-lost" });
});

test("does not report success to a holder that never looked at the signal", async () => {
  const run = withAdvisoryLock(database.url, "unheard", "holder", async () => {
    await killLockSessions();
    return "looks like success";
  });
  await expect(run).rejects.toMatchObject({ code: "lock-lost" });
});

test("notices by itself when the database stops answering without closing the connection", async () => {
  const run = withAdvisoryLock(
    database.url,
    "silent",
    "holder",
    async (signal) => {
      const pid = await withClient(database.url, {}, async (client) => {
        const { rows } = await client.query("select pid from pg_locks where locktype = 'advisory' and granted");
        return rows[0].pid as number;
      });
      process.kill(pid, "SIGSTOP");
      await once(signal, "abort");
      process.kill(pid, "SIGCONT");
    },
    { heartbeatMs: 200 },
  );
  await expect(run).rejects.toMatchObject({ code: "lock-lost" });
});

test("keeps a holder's name within PostgreSQL's 63 bytes and in ASCII, process id included", () => {
  const name = holderName(
    "migrate execute",
    123_456,
    "発表-with-a-very-long-host-name-that-goes-on-and-on.example.com",
  );
  expect(Buffer.byteLength(name)).toBeLessThanOrEqual(63);
  expect(name).toMatch(/^migrate execute pid 123456 on \?\?-with-a-very/);
  expect(holderName("x".repeat(100), 4_194_304, "host")).toContain(" pid 4194304 on ");
});
