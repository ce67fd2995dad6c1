import { spawn } from "node:child_process";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { holdSharedLock, whenUnlocked, withFileLock } from "../../ops/platform/file-lock.ts";
import { makeTempHome } from "../support/temp-home.ts";

const MODULE = join(import.meta.dirname, "../../ops/platform/file-lock.ts");

test("lets one task at a time through", async () => {
  const path = join(await makeTempHome(), "lock");
  const events: string[] = [];
  const task = (name: string) =>
    withFileLock(path, async () => {
      events.push(`${name} begins`);
      await new Promise((resolve) => setTimeout(resolve, 30));
      events.push(`${name} ends`);
    });
  await Promise.all([task("a"), task("b"), task("c")]);
  const names = events.filter((_, index) => index % 2 === 0).map((event) => event[0]);
  expect(events).toEqual(names.flatMap((name) => [`${name} begins`, `${name} ends`]));
});

test("is free again after its holder was killed", async () => {
  const path = join(await makeTempHome(), "lock");
  const kill = await holdInAnotherProcess(path);
  await expect(withFileLock(path, async () => "mine", 50)).rejects.toMatchObject({ code: "lock-timeout" });
  kill();
  expect(await withFileLock(path, async () => "mine", 10_000)).toBe("mine");
});

test("is free again after its task failed", async () => {
  const path = join(await makeTempHome(), "lock");
  await expect(withFileLock(path, () => Promise.reject(new Error("broken")))).rejects.toThrow("broken");
  expect(await withFileLock(path, async () => "mine", 0)).toBe("mine");
});

test("can be shared, and does nothing for whoever wants it alone meanwhile", async () => {
  const path = join(await makeTempHome(), "lock");
  const [first, second] = [await holdSharedLock(path), await holdSharedLock(path)];
  let ran = 0;
  const attempt = () => whenUnlocked(path, async () => void (ran += 1));
  first.release();
  expect([await attempt(), ran]).toEqual([false, 0]);
  second.release();
  expect([await attempt(), ran]).toEqual([true, 1]);
});

test("says which file it cannot use", async () => {
  await expect(withFileLock("/nonexistent/lock", async () => "mine")).rejects.toMatchObject({
    code: "lock-unusable",
    message: expect.stringContaining("/nonexistent/lock"),
  });
});

async function holdInAnotherProcess(path: string): Promise<() => void> {
  const source = `
    const { withFileLock } = await import(${JSON.stringify(MODULE)});
    await withFileLock(process.argv[1], async () => {
      console.log("held");
      await new Promise((resolve) => setTimeout(resolve, 60_000));
    });`;
  const holder = spawn(process.execPath, ["--input-type=module", "--eval", source, path], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  onTestFinished(() => void holder.kill("SIGKILL"));
  await new Promise((resolve) => holder.stdout.once("data", resolve));
  return () => void holder.kill("SIGKILL");
}
