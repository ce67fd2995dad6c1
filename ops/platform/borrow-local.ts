import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { holdSharedLock, whenUnlocked } from "./file-lock.ts";
import { startLocalServer, stopLocalServer, type LocalServer } from "./local.ts";
import { findPlace, makeHome } from "./place.ts";
import { findPostmaster } from "./postmaster.ts";
import { withFileFailures } from "./server-failure.ts";

/** A server in use by this command. */
export interface BorrowedServer extends LocalServer {
  /**
   * Says that this command needs the server no more. It stops if it was started on demand and no other command uses it.
   *
   * @returns whether it was stopped
   */
  release(): Promise<boolean>;
}

/**
 * Starts the embedded server for the time of one command, or joins those that use it already.
 *
 * Each user holds a shared lock that ends with its process, so a killed command keeps nothing running for ever: the next
 * one that lets go of the server stops it.
 *
 * @param home directory of the local state (LT_HOME)
 */
export async function borrowLocalServer(home: string): Promise<BorrowedServer> {
  const { files, use } = await joinUsers(home);
  try {
    const server = await startLocalServer(home);
    if (server.startedNow) await writeFile(files.onDemand, `${server.pid}\n`);
    return {
      ...server,
      release: async () => {
        use.release();
        return await stopIfUnused(home);
      },
    };
  } catch (error) {
    use.release();
    throw error;
  }
}

/** Starts the embedded server, or finds it running, so that it stays until `stopLocalServer`. */
export async function keepLocalServer(home: string): Promise<LocalServer> {
  const { files, use } = await joinUsers(home);
  try {
    const server = await startLocalServer(home);
    await rm(files.onDemand, { force: true });
    return server;
  } finally {
    use.release();
  }
}

/** Whether the running server will stop by itself when the commands that use it are done. */
export async function isOnDemand(home: string, pid: number): Promise<boolean> {
  const started = await readFile(filesIn(join(home, "postgres")).onDemand, "utf8").catch(() => "");
  return Number(started) === pid;
}

async function joinUsers(home: string) {
  return await withFileFailures({ what: "PostgreSQL did not start", dataDirectory: home }, async () => {
    const files = filesIn(await makeHome(home));
    return { files, use: await holdSharedLock(files.users) };
  });
}

async function stopIfUnused(home: string): Promise<boolean> {
  let stopped = false;
  await whenUnlocked(filesIn(join(home, "postgres")).users, async () => {
    const place = await findPlace(home);
    const running = place && (await findPostmaster(place.dataDirectory));
    if (running && (await isOnDemand(home, running.pid))) stopped = await stopLocalServer(home);
  });
  return stopped;
}

function filesIn(directory: string) {
  return { users: join(directory, "users.lock"), onDemand: join(directory, "on-demand") };
}
