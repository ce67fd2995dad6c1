import { join } from "node:path";
import { expect, test } from "vitest";
import { borrowLocalServer, keepLocalServer } from "../../ops/platform/borrow-local.ts";
import { describeLocalServer } from "../../ops/platform/describe-local.ts";
import { startLocalServer } from "../../ops/platform/local.ts";
import { runModule } from "../support/child-process.ts";
import { makeTempHome } from "../support/temp-home.ts";

const MODULE = JSON.stringify(join(import.meta.dirname, "../../ops/platform/borrow-local.ts"));

test("stops a server started on demand when the last of its users lets go", async () => {
  const home = await makeTempHome();
  const first = await borrowLocalServer(home);
  const second = await borrowLocalServer(home);
  expect([first.startedNow, second.startedNow]).toEqual([true, false]);
  expect(await first.release()).toBe(false);
  expect(await describeLocalServer(home)).toMatchObject({ state: "running", onDemand: true });
  expect(await second.release()).toBe(true);
  expect(await describeLocalServer(home)).toMatchObject({ state: "stopped" });
});

test("leaves a server that somebody started to stay", async () => {
  const home = await makeTempHome();
  await startLocalServer(home);
  const borrowed = await borrowLocalServer(home);
  expect(await borrowed.release()).toBe(false);
  expect(await describeLocalServer(home)).toMatchObject({ state: "running", onDemand: false });
});

test("keeps a server that was started on demand once somebody asks for it to stay", async () => {
  const home = await makeTempHome();
  const borrowed = await borrowLocalServer(home);
  const kept = await keepLocalServer(home);
  expect(kept).toMatchObject({ pid: borrowed.pid, startedNow: false });
  expect(await borrowed.release()).toBe(false);
  expect(await describeLocalServer(home)).toMatchObject({ state: "running", pid: kept.pid });
});

test("stops the server that a killed command left behind, with the next command that lets go of it", async () => {
  const home = await makeTempHome();
  const killed = await runModule(
    `const { borrowLocalServer } = await import(${MODULE});
     await borrowLocalServer(process.argv[1]);
     process.kill(process.pid, "SIGKILL");`,
    [home],
  );
  expect(killed.signal).toBe("SIGKILL");
  expect(await describeLocalServer(home)).toMatchObject({ state: "running", onDemand: true });
  const next = await borrowLocalServer(home);
  expect(next.startedNow).toBe(false);
  expect(await next.release()).toBe(true);
});
