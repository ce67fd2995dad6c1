import { spawn } from "node:child_process";
import type { ChildProcess, SpawnOptions } from "node:child_process";
import { join } from "node:path";

import { PROJECT_ROOT } from "../../ops/config/project-root.ts";

export interface ScriptResult {
  exitCode: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

export interface RunningScript {
  child: ChildProcess;
  /** Resolves when the process ended and its output was read to the end. */
  result: Promise<ScriptResult>;
  /** Resolves when stderr holds the text; rejects when the process ends without it. */
  untilStderr(text: string): Promise<void>;
}

/** The zx program of this project; started by its own first line, as `npx zx` starts it. */
export const ZX = join(PROJECT_ROOT, "node_modules/.bin/zx");

/**
 * Starts a program as a child process with nothing on standard input, and with no other variables than PATH, HOME and the
 * ones given: settings of the machine that runs the tests must not reach the script under test.
 *
 * @param program `ZX`, or `process.execPath` for plain Node
 */
export function startScript(program: string, args: readonly string[], options: SpawnOptions = {}): RunningScript {
  const { PATH = "", HOME = "" } = process.env;
  const environment = { PATH: `${join(PROJECT_ROOT, "node_modules/.bin")}:${PATH}`, HOME };
  const child = spawn(program, args, {
    cwd: PROJECT_ROOT,
    stdio: ["ignore", "pipe", "pipe"],
    ...options,
    env: { ...environment, ...options.env },
  });
  const output = { stdout: "", stderr: "" };
  child.stdout?.setEncoding("utf8").on("data", (text: string) => (output.stdout += text));
  child.stderr?.setEncoding("utf8").on("data", (text: string) => (output.stderr += text));
  const result = new Promise<ScriptResult>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (exitCode, signal) => resolve({ exitCode, signal, ...output }));
  });
  return { child, result, untilStderr: (text) => untilText(child, () => output.stderr, text) };
}

/** Runs a program to its end. */
export function runScriptProcess(
  program: string,
  args: readonly string[],
  options: SpawnOptions = {},
): Promise<ScriptResult> {
  return startScript(program, args, options).result;
}

function untilText(child: ChildProcess, read: () => string, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const look = (): void => {
      if (read().includes(text)) resolve();
    };
    child.stderr?.on("data", look);
    child.once("close", () => reject(new Error(`The process ended without ${JSON.stringify(text)}: ${read()}`)));
    look();
  });
}
