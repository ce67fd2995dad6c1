import { open, realpath, rename, stat } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { OpsError } from "../errors.ts";
import type { Binaries } from "./binaries.ts";
import { withFileLock } from "./file-lock.ts";
import { freePort } from "./free-port.ts";
import type { Identity } from "./identity.ts";
import { refuseOtherMajorVersion } from "./major-version.ts";
import { disownPidFile, findPostmaster, type Postmaster } from "./postmaster.ts";
import { describeServerFailure, readLogTail } from "./server-failure.ts";
import { startProgram } from "./server-program.ts";
import { writeSettings, type ServerSettings } from "./server-settings.ts";
import { settleSocketDirectory } from "./socket-directory.ts";

const POLL_MS = 10;
const PORT_ATTEMPTS = 5;
// Recovery after a crash replays up to max_wal_size; it is worth waiting for.
const START_TIMEOUT_MS = 300_000;
const LONGEST_LOG_BYTES = 16_000_000;

/** How to start a cluster that exists. */
export interface ClusterStart {
  dataDirectory: string;
  binaries: Binaries;
  /** The user to run as, undefined for the current one; see `serverIdentity`. */
  identity?: Identity | undefined;
  settings: ServerSettings;
  /** TCP port on 127.0.0.1; any free one where it is left out or taken. */
  port?: number | undefined;
  /** Default: beside the data directory, or a short directory under /tmp where that path is too long for a socket. */
  socketDirectory?: string | undefined;
  /** Default: the data directory's name with `.log`. */
  logFile?: string | undefined;
  timeoutMs?: number | undefined;
}

/** A server that accepts connections. */
export interface RunningCluster extends Postmaster {
  dataDirectory: string;
  /** False when it ran before. */
  startedNow: boolean;
}

/**
 * Starts the server of a data directory in the background, or finds it running, and waits until it accepts connections.
 * Safe to call from several processes at once: one of them starts it.
 *
 * @throws OpsError `other-major-version`, `disk-full`, `server-failed`, `start-timeout`
 */
export async function startCluster(start: ClusterStart): Promise<RunningCluster> {
  return await withFileLock(`${start.dataDirectory}.lock`, async () => {
    await refuseOtherMajorVersion(start.dataDirectory, start.binaries.major);
    const dataDirectory = await realpath(start.dataDirectory);
    const running = await findPostmaster(dataDirectory);
    if (running) return { ...(await waitUntilReady(dataDirectory, start)), dataDirectory, startedNow: false };
    await disownPidFile(dataDirectory, start.identity);
    await writeSettings(dataDirectory, start.settings, start.identity);
    await setLongLogAside(logFile(start));
    return { ...(await startOnFreePort(dataDirectory, start)), dataDirectory, startedNow: true };
  });
}

async function startOnFreePort(dataDirectory: string, start: ClusterStart): Promise<Postmaster> {
  const socketDirectory = await settleSocketDirectory(dataDirectory, start.socketDirectory, start.identity);
  for (let attempt = 1; ; attempt += 1) {
    // Between looking for a port and using it another program can take it: then the next one.
    const port = await freePort(attempt === 1 ? start.port : undefined);
    const failure = await startOnce(dataDirectory, start, ["-p", String(port), "-k", socketDirectory]);
    if (failure === undefined) return await waitUntilReady(dataDirectory, start);
    if (attempt >= PORT_ATTEMPTS || !mayPass(failure)) {
      throw await describeServerFailure(failure, {
        what: "PostgreSQL did not start",
        dataDirectory,
        logFile: logFile(start),
      });
    }
    await sleep(POLL_MS * 2 ** attempt);
  }
}

/** A taken port, and children of a killed server that have not noticed yet. */
function mayPass(output: string): boolean {
  return /could not create any TCP\/IP sockets|pre-existing shared memory block/.test(output);
}

/** Returns undefined once the server is up, or what it wrote when it gave up. */
async function startOnce(dataDirectory: string, start: ClusterStart, args: string[]): Promise<string | undefined> {
  const log = await open(logFile(start), "a", 0o600);
  try {
    const { size } = await log.stat();
    const all = ["-D", dataDirectory, "-c", "listen_addresses=127.0.0.1", ...args];
    const child = await startProgram(start.binaries.postgres, all, start.identity, log.fd);
    const deadline = performance.now() + (start.timeoutMs ?? START_TIMEOUT_MS);
    while (!(await findPostmaster(dataDirectory))?.ready) {
      if (child.exitCode !== null || child.signalCode !== null) return await readLogTail(logFile(start), size);
      if (performance.now() > deadline) throw startTimeout(dataDirectory, start);
      await sleep(POLL_MS);
    }
    return undefined;
  } finally {
    await log.close();
  }
}

async function waitUntilReady(dataDirectory: string, start: ClusterStart): Promise<Postmaster> {
  const deadline = performance.now() + (start.timeoutMs ?? START_TIMEOUT_MS);
  for (;;) {
    const postmaster = await findPostmaster(dataDirectory);
    if (postmaster?.ready) return postmaster;
    if (!postmaster || performance.now() > deadline) throw startTimeout(dataDirectory, start);
    await sleep(POLL_MS);
  }
}

async function setLongLogAside(path: string): Promise<void> {
  const size = await stat(path).then(
    (stats) => stats.size,
    () => 0,
  );
  if (size > LONGEST_LOG_BYTES) await rename(path, `${path}.old`);
}

function logFile(start: ClusterStart): string {
  return start.logFile ?? `${start.dataDirectory}.log`;
}

function startTimeout(dataDirectory: string, start: ClusterStart): OpsError {
  return new OpsError("start-timeout", `The PostgreSQL server of ${dataDirectory} does not accept connections.`, {
    hint: `Read ${logFile(start)}; the server may still be recovering.`,
  });
}
