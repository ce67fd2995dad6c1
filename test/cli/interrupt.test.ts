import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { expect, test } from "vitest";

import { PROJECT_ROOT } from "../../ops/config/project-root.ts";
import { startScript, ZX } from "../support/run-script.ts";

const SAMPLE = join(PROJECT_ROOT, "test/fixtures/cli/sample.mjs");
const STOPPING = "stopping after the current batch; press again to stop now";

test.each(["SIGINT", "SIGTERM"] as const)("the first %s stops the command and says how to go on", async (name) => {
  const script = startScript(process.execPath, [SAMPLE, "wait"]);
  await script.untilStderr("waiting");
  script.child.kill(name);
  const { exitCode, stderr } = await script.result;
  expect(exitCode).toBe(1);
  expect(stderr).toContain(STOPPING);
  expect(stderr).toContain("before the end.\n  Next: run the same command again");
});

test("an interrupted command is one JSON object with --json", async () => {
  const script = startScript(ZX, [SAMPLE, "wait", "--json"]);
  await script.untilStderr("waiting");
  script.child.kill("SIGINT");
  const { exitCode, stdout } = await script.result;
  expect(exitCode).toBe(1);
  expect(JSON.parse(stdout)).toMatchObject({ command: "sample wait", ok: false, error: { code: "interrupted" } });
});

test("the second Ctrl-C ends a command that does not stop", async () => {
  const script = startScript(process.execPath, [SAMPLE, "ignore"]);
  await script.untilStderr("waiting");
  script.child.kill("SIGINT");
  await script.untilStderr(STOPPING);
  await sleep(600);
  script.child.kill("SIGINT");
  expect(await script.result).toMatchObject({ exitCode: 1, signal: null });
});

test("one press that arrives twice, as under npm, is one press", async () => {
  const script = startScript(process.execPath, [SAMPLE, "wait"]);
  await script.untilStderr("waiting");
  script.child.kill("SIGINT");
  script.child.kill("SIGINT");
  const { stderr } = await script.result;
  expect(stderr).toContain("Next: run the same command again");
  expect(stderr.match(/stopping after/g)).toHaveLength(1);
});

test("a reader that goes away does not crash the command", async () => {
  const child = spawn(process.execPath, [SAMPLE, "flood"], { stdio: ["ignore", "pipe", "pipe"] });
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  child.stdout.once("data", () => child.stdout.destroy());
  const [exitCode] = await once(child, "close");
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
});

test("a long result reaches a slow reader to its last line", async () => {
  const child = spawn(process.execPath, [SAMPLE, "flood"], { stdio: ["ignore", "pipe", "inherit"] });
  await sleep(800);
  let stdout = "";
  for await (const text of child.stdout.setEncoding("utf8")) stdout += text;
  expect(stdout.endsWith("line 199999\n")).toBe(true);
});
