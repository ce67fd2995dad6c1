import { setTimeout as sleep } from "node:timers/promises";
import { OpsError } from "../errors.ts";
import { withFileLock } from "./file-lock.ts";
import { findPostmaster, type Postmaster } from "./postmaster.ts";
import { removeShortSocketDirectory } from "./socket-directory.ts";

const POLL_MS = 10;
const STOP_TIMEOUT_MS = 120_000;

/**
 * Stops the server of a data directory: sessions are ended, what is committed is on disk when this returns.
 *
 * @returns false when none ran
 * @throws OpsError `stop-timeout`
 */
export async function stopCluster(dataDirectory: string, timeoutMs = STOP_TIMEOUT_MS): Promise<boolean> {
  return await withFileLock(`${dataDirectory}.lock`, async () => {
    const running = await findPostmaster(dataDirectory);
    if (!running) return false;
    process.kill(running.pid, "SIGINT");
    const deadline = performance.now() + timeoutMs;
    while (await findPostmaster(dataDirectory)) {
      if (performance.now() > deadline) throw stopTimeout(running, dataDirectory, timeoutMs);
      await sleep(POLL_MS);
    }
    await removeShortSocketDirectory(running.socketDirectory);
    return true;
  });
}

function stopTimeout(running: Postmaster, dataDirectory: string, timeoutMs: number): OpsError {
  return new OpsError(
    "stop-timeout",
    `The PostgreSQL server ${running.pid} of ${dataDirectory} has not stopped within ${timeoutMs / 1000} s.`,
    {
      hint: "It may still be writing to disk: look again with `npx zx ops/db.mjs status`.",
    },
  );
}
