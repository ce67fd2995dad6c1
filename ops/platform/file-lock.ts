import { setTimeout as sleep } from "node:timers/promises";
import { DatabaseSync } from "node:sqlite";
import { OpsError } from "../errors.ts";

const SQLITE_BUSY = 5;
const SQLITE_FULL = 13;
const POLL_MS = 20;

/** A held lock; `release` may be called more than once. */
export interface HeldLock {
  release(): void;
}

/**
 * Runs `task` while no other process holds the lock file, waiting for it up to `timeoutMs`.
 *
 * The lock is the operating system's own (through SQLite, which Node has built in): it ends with the process that holds
 * it, so a killed command never leaves a lock behind. The file itself stays and means nothing.
 *
 * @throws OpsError `lock-timeout` when somebody else held the lock all that time.
 */
export async function withFileLock<T>(path: string, task: () => Promise<T>, timeoutMs = 300_000): Promise<T> {
  const lock = await waitForLock(path, "exclusive", timeoutMs);
  try {
    return await task();
  } finally {
    lock.release();
  }
}

/** Takes the lock in the form that any number of processes can hold at once; waits while one holds it exclusively. */
export async function holdSharedLock(path: string, timeoutMs = 300_000): Promise<HeldLock> {
  return await waitForLock(path, "shared", timeoutMs);
}

/** Runs `task` under the lock if nobody else holds it in any form; returns false at once otherwise. */
export async function whenUnlocked(path: string, task: () => Promise<void>): Promise<boolean> {
  const lock = tryLock(path, "exclusive");
  if (!lock) return false;
  try {
    await task();
  } finally {
    lock.release();
  }
  return true;
}

async function waitForLock(path: string, mode: "shared" | "exclusive", timeoutMs: number): Promise<HeldLock> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const lock = tryLock(path, mode);
    if (lock) return lock;
    if (performance.now() > deadline) {
      throw new OpsError("lock-timeout", `Another command has held ${path} for ${Math.round(timeoutMs / 1000)} s.`, {
        hint: "Wait for the other command to end, then run this one again.",
      });
    }
    await sleep(POLL_MS);
  }
}

function tryLock(path: string, mode: "shared" | "exclusive"): HeldLock | undefined {
  const database = openLockFile(path);
  try {
    database.exec(mode === "exclusive" ? "begin exclusive" : "begin; select count(*) from sqlite_schema");
  } catch (error) {
    database.close();
    if (!(error instanceof Error) || !("errcode" in error)) throw error;
    if (error.errcode === SQLITE_BUSY) return undefined;
    if (error.errcode === SQLITE_FULL) throw noSpace(path, error);
    throw error;
  }
  return {
    release: () => {
      if (database.isOpen) database.close();
    },
  };
}

/** As the file system itself would say it, for callers that explain a full disk. */
function noSpace(path: string, cause: Error): Error {
  return Object.assign(new Error(`no space left on device, lock ${path}`, { cause }), { code: "ENOSPC", path });
}

function openLockFile(path: string): DatabaseSync {
  try {
    return new DatabaseSync(path, { timeout: 0 });
  } catch (cause) {
    throw new OpsError("lock-unusable", `The lock file ${path} cannot be opened for writing.`, {
      hint: "Check who owns its directory, or set LT_HOME to a directory of your own.",
      cause,
    });
  }
}
