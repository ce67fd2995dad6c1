import { appendFile, chown, mkdir, open, readdir, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { Binaries } from "./binaries.ts";
import { withFileLock } from "./file-lock.ts";
import type { Identity } from "./identity.ts";
import { describeServerFailure, withFileFailures } from "./server-failure.ts";
import { runProgram } from "./server-program.ts";
import { INCLUDE_LINE } from "./server-settings.ts";

/** How to make an empty cluster. */
export interface ClusterCreation {
  dataDirectory: string;
  binaries: Binaries;
  /** The user that is to own it, undefined for the current one. */
  identity?: Identity | undefined;
  /** Password of the superuser `postgres`. */
  password: string;
}

/**
 * Makes an empty cluster: UTF-8, a locale that is the same on every machine, checksums, passwords for every connection.
 *
 * The directory appears under its name only when it is complete and on disk, so a killed or failed creation leaves nothing
 * that could be taken for a cluster.
 *
 * @returns false when the data directory exists already; it is left as it is
 * @throws OpsError `disk-full`, `server-failed`
 */
export async function createCluster(creation: ClusterCreation): Promise<boolean> {
  const { dataDirectory } = creation;
  const scene = { what: "PostgreSQL could not be set up", dataDirectory };
  await mkdir(dirname(dataDirectory), { recursive: true });
  return await withFileLock(`${dataDirectory}.lock`, async () => {
    if (await exists(dataDirectory)) return false;
    await removeAbandoned(dataDirectory);
    const partial = `${dataDirectory}.partial`;
    try {
      await withFileFailures(scene, async () => await initialize(partial, creation));
      await rename(partial, dataDirectory);
      await syncDirectory(dirname(dataDirectory));
      return true;
    } catch (error) {
      await removeAbandoned(dataDirectory);
      const output = error instanceof Error && "stderr" in error ? String(error.stderr) : undefined;
      throw output === undefined ? error : await describeServerFailure(output, scene, error);
    }
  });
}

async function initialize(directory: string, { binaries, identity, password }: ClusterCreation): Promise<void> {
  await mkdir(directory, { mode: 0o700 });
  if (identity) await chown(directory, identity.uid, identity.gid);
  const passwordFile = `${directory}-password`;
  await writePassword(passwordFile, password, identity);
  try {
    await runProgram(binaries.initdb, initdbArguments(directory, passwordFile), identity);
  } finally {
    await rm(passwordFile, { force: true });
  }
  await appendFile(join(directory, "postgresql.conf"), INCLUDE_LINE);
  // One sync of the finished directory instead of one per file while it grows: durable all the same, much faster.
  await runProgram(binaries.initdb, ["--sync-only", "-D", directory], identity);
}

function initdbArguments(directory: string, passwordFile: string): string[] {
  return [
    "-D",
    directory,
    `--pwfile=${passwordFile}`,
    "--username=postgres",
    "--auth=scram-sha-256",
    "--encoding=UTF8",
    "--locale=C",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
    "--no-sync",
    "--no-instructions",
  ];
}

async function writePassword(path: string, password: string, identity: Identity | undefined): Promise<void> {
  const file = await open(path, "wx", 0o600);
  try {
    await file.writeFile(`${password}\n`);
    if (identity) await file.chown(identity.uid, identity.gid);
  } finally {
    await file.close();
  }
}

async function removeAbandoned(dataDirectory: string): Promise<void> {
  const parent = dirname(dataDirectory);
  const prefix = `${basename(dataDirectory)}.partial`;
  for (const name of await readdir(parent)) {
    if (name.startsWith(prefix)) await rm(join(parent, name), { recursive: true, force: true });
  }
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, "r");
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

async function exists(path: string): Promise<boolean> {
  return await stat(path).then(
    () => true,
    () => false,
  );
}
