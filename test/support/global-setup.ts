import { spawn, type ChildProcess } from "node:child_process";
import { chmod, mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestProject } from "vitest/node";
import { discardLocalServer } from "../../ops/platform/discard-local.ts";
import { stopLocalServer } from "../../ops/platform/local.ts";
import { KEPT_MARKER } from "./kept.ts";

const PREFIX = "lightningtalk-test-";
const KEEP_FOR_MS = 24 * 60 * 60 * 1000;

declare module "vitest" {
  export interface ProvidedContext {
    /** LT_HOME of the server of this run. */
    testHome: string;
  }
}

/**
 * Prepares the place of this run's PostgreSQL server, which the first test that asks for a database starts, and returns
 * the function that stops and removes it. Where a failed test kept a database, the files stay for a day.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  await removeOldRuns();
  const home = await mkdtemp(join(tmpdir(), PREFIX));
  // Enterable, so that the server's user reaches it when the tests run as root.
  await chmod(home, 0o755);
  const guard = startGuard(home);
  project.provide("testHome", home);
  return async () => {
    // The guard has to go first: it would take the files of a kept database with it.
    guard.kill("SIGKILL");
    if (existsSync(join(home, KEPT_MARKER))) await stopLocalServer(home);
    else await removeRun(home);
  };
}

/** Starts the process of guard.ts, out of reach of a Ctrl-C in this terminal. */
function startGuard(home: string): ChildProcess {
  const program = join(import.meta.dirname, "guard.ts");
  const guard = spawn(process.execPath, [program, home], { stdio: ["pipe", "ignore", "ignore"], detached: true });
  guard.unref();
  return guard;
}

async function removeOldRuns(): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    if (!name.startsWith(PREFIX)) continue;
    const home = join(tmpdir(), name);
    const modified = (await stat(home).catch(() => undefined))?.mtimeMs;
    if (modified === undefined || Date.now() - modified < KEEP_FOR_MS) continue;
    await removeRun(home);
  }
}

async function removeRun(home: string): Promise<void> {
  await discardLocalServer(home);
  await rm(home, { recursive: true, force: true });
}
