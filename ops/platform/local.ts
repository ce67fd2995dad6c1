import { join } from "node:path";
import { createCluster } from "./create-cluster.ts";
import { withFileLock } from "./file-lock.ts";
import { readLastPort, rememberPort } from "./last-port.ts";
import { ensureDatabase } from "./local-database.ts";
import { settlePassword } from "./password.ts";
import { findPlace, makeHome, preparePlace } from "./place.ts";
import { withFileFailures } from "./server-failure.ts";
import { DEFAULT_SETTINGS, type ServerSettings } from "./server-settings.ts";
import { startCluster } from "./start-cluster.ts";
import { stopCluster } from "./stop-cluster.ts";

/** Name of the server's log below the directory of its home. */
export const LOG_FILE = "server.log";

/** The embedded server, accepting connections. */
export interface LocalServer {
  /** Connection URL of the superuser to the database `lightningtalk`; holds the password: never print it. */
  url: string;
  port: number;
  pid: number;
  socketDirectory: string;
  dataDirectory: string;
  logFile: string;
  /** Major and minor version, "18.4". */
  version: string;
  /** False when it ran before. */
  startedNow: boolean;
}

/**
 * Starts the embedded PostgreSQL of `home` in the background, or finds it running; makes its cluster on first use.
 * It goes on running when this process ends. Safe to call from several processes at once.
 *
 * @param home directory of the local state (LT_HOME); made when missing
 * @param settings server settings that differ from the default; they hold from a start on, not for a server that runs
 * @throws OpsError with what prevents it: `disk-full`, `other-major-version`, `server-failed`, …
 */
export async function startLocalServer(home: string, settings: ServerSettings = {}): Promise<LocalServer> {
  return await withFileFailures({ what: "PostgreSQL did not start", dataDirectory: home }, async () => {
    const directory = await makeHome(home);
    return await withFileLock(join(directory, "start.lock"), async () => await start(home, settings));
  });
}

/**
 * Stops the embedded PostgreSQL of `home`, ending its sessions; all that was committed is on disk.
 *
 * @returns false when none ran
 */
export async function stopLocalServer(home: string): Promise<boolean> {
  return await withFileFailures({ what: "PostgreSQL was not stopped", dataDirectory: home }, async () => {
    const place = await findPlace(home);
    return place !== undefined && (await stopCluster(place.dataDirectory));
  });
}

async function start(home: string, settings: ServerSettings): Promise<LocalServer> {
  const { home: directory, binaries, identity, ...place } = await preparePlace(home);
  const password = await settlePassword(join(directory, "password"));
  const logFile = join(directory, LOG_FILE);
  await createCluster({ ...place, binaries, identity, password });
  const running = await startCluster({
    ...place,
    binaries,
    identity,
    settings: { ...DEFAULT_SETTINGS, ...settings },
    port: await readLastPort(directory),
    logFile,
  });
  await rememberPort(directory, running.port);
  const server = { port: running.port, password, dataDirectory: running.dataDirectory };
  const { url, version } = await ensureDatabase(server);
  const { pid, port, socketDirectory, dataDirectory, startedNow } = running;
  return { url, port, pid, socketDirectory, dataDirectory, logFile, version, startedNow };
}
