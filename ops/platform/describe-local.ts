import { lstat, readdir } from "node:fs/promises";
import { join } from "node:path";
import { findBinaries } from "./binaries.ts";
import { isOnDemand } from "./borrow-local.ts";
import { isFileError } from "./file-errors.ts";
import { LOG_FILE } from "./local.ts";
import { localUrl } from "./local-database.ts";
import { readMajorVersion } from "./major-version.ts";
import { readPassword } from "./password.ts";
import { findPlace, type Place } from "./place.ts";
import { findPostmaster, type Postmaster } from "./postmaster.ts";
import { withFileFailures } from "./server-failure.ts";

/** What is known of the embedded server, whether it runs or not. */
export interface LocalServerStatus {
  /** `absent`: never started in this home; `starting`: alive, but not accepting connections yet. */
  state: "running" | "starting" | "stopped" | "absent";
  home: string;
  /** Version of the installed programs, "18.4.0-beta.17". */
  installedVersion: string;
  /** Major version that made the data directory, "18". */
  dataVersion?: string | undefined;
  dataDirectory?: string;
  /** Size of the data directory. */
  bytesOnDisk?: number;
  logFile?: string;
  /** The following are there while the server is alive. */
  pid?: number;
  port?: number;
  socketDirectory?: string;
  startedAt?: Date;
  /** Holds the password: never print it. */
  url?: string;
  /** True when the server stops with the last command that uses it. */
  onDemand?: boolean;
}

/** Describes the embedded server of `home` without starting or changing anything. */
export async function describeLocalServer(home: string): Promise<LocalServerStatus> {
  return await withFileFailures(
    { what: "The embedded PostgreSQL cannot be looked at", dataDirectory: home },
    async () => {
      return await describeHome(home);
    },
  );
}

async function describeHome(home: string): Promise<LocalServerStatus> {
  // The home first: whose it is tells more than that somebody else cannot reach the programs either.
  const place = await findPlace(home);
  const { packageVersion } = await findBinaries();
  if (!place) return { state: "absent", home, installedVersion: packageVersion };
  const { dataDirectory } = place;
  const running = await findPostmaster(dataDirectory);
  const state = running ? (running.ready ? "running" : "starting") : "stopped";
  return {
    state,
    home,
    installedVersion: packageVersion,
    dataVersion: await readMajorVersion(dataDirectory),
    dataDirectory,
    bytesOnDisk: await bytesBelow(dataDirectory),
    logFile: join(place.home, LOG_FILE),
    ...(running && (await describeRunning(home, place, running))),
  };
}

async function describeRunning(home: string, place: Place, running: Postmaster): Promise<Partial<LocalServerStatus>> {
  const { pid, port, socketDirectory } = running;
  const password = await readPassword(join(place.home, "password"));
  return {
    pid,
    port,
    socketDirectory,
    startedAt: new Date(running.startedAt * 1000),
    ...(password !== undefined && { url: localUrl({ port, password }) }),
    onDemand: await isOnDemand(home, pid),
  };
}

/** Files come and go while the server works: those that are gone count nothing. */
async function bytesBelow(directory: string): Promise<number> {
  const entries = await readdir(directory, { withFileTypes: true }).catch(ignoreMissing);
  let bytes = 0;
  for (const entry of entries ?? []) {
    const path = join(directory, entry.name);
    bytes += entry.isDirectory() ? await bytesBelow(path) : ((await lstat(path).catch(ignoreMissing))?.size ?? 0);
  }
  return bytes;
}

function ignoreMissing(error: unknown): undefined {
  if (isFileError(error, "ENOENT")) return undefined;
  throw error;
}
