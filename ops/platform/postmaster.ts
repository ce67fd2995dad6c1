import { execFile } from "node:child_process";
import { open, readFile, realpath, rename } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { isFileError } from "./file-errors.ts";
import type { Identity } from "./identity.ts";

/** What a running server says of itself in its postmaster.pid file. */
export interface Postmaster {
  pid: number;
  /** Start time of the server, seconds since 1970. */
  startedAt: number;
  /** 0 while the server has not got that far yet. */
  port: number;
  socketDirectory: string;
  /** True once connections are accepted. */
  ready: boolean;
}

/**
 * The live server of a data directory, or undefined when none runs, whatever postmaster.pid claims.
 *
 * A process counts only if it is alive, no zombie, and was started with this very data directory as an argument: a pid
 * that the system has given to another program since then does not pass.
 */
export async function findPostmaster(dataDirectory: string): Promise<Postmaster | undefined> {
  const claimed = await readPidFile(dataDirectory);
  if (!claimed) return undefined;
  const directory = await realpath(dataDirectory);
  return (await processArguments(claimed.pid)).includes(directory) ? claimed : undefined;
}

/**
 * Makes a postmaster.pid that no live server stands behind acceptable to the next server.
 *
 * PostgreSQL itself replaces the file when the pid in it is free, but refuses when another program or a zombie has that
 * number. Deleting the file would lose the shared memory key by which PostgreSQL notices surviving children of the old
 * server; so only the pid is changed, to that of the next server's parent, which PostgreSQL takes for stale.
 * Call it under the cluster's lock only.
 *
 * @param identity the user that the next server runs as
 */
export async function disownPidFile(dataDirectory: string, identity: Identity | undefined): Promise<void> {
  const path = join(dataDirectory, "postmaster.pid");
  const content = await readFile(path, "utf8").catch(ignoreMissing);
  if (content === undefined) return;
  const replacement = `${path}.${process.pid}`;
  const file = await open(replacement, "wx", 0o600);
  try {
    await file.writeFile(content.replace(/^.*$/m, String(process.pid)));
    if (identity) await file.chown(identity.uid, identity.gid);
  } finally {
    await file.close();
  }
  await rename(replacement, path);
}

async function readPidFile(dataDirectory: string): Promise<Postmaster | undefined> {
  const content = await readFile(join(dataDirectory, "postmaster.pid"), "utf8").catch(ignoreMissing);
  const [pid, , startedAt, port, socketDirectory = "", , , status = ""] = (content ?? "").split("\n");
  // A server that is just starting has written part of the lines; a stale pid may be negative (single-user mode).
  if (!pid || !(Number(pid) > 0)) return undefined;
  return {
    pid: Number(pid),
    startedAt: Number(startedAt ?? 0),
    port: Number(port ?? 0),
    socketDirectory: socketDirectory.trim(),
    ready: ["ready", "standby"].includes(status.trim()),
  };
}

/** The command line of a live process as a list; empty for a free pid and for a zombie. */
async function processArguments(pid: number): Promise<string[]> {
  if (process.platform === "linux") {
    const line = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
    return line.split("\0").filter(Boolean);
  }
  const listing = await promisify(execFile)("ps", ["-ww", "-o", "stat=,args=", "-p", String(pid)]).catch(
    () => undefined,
  );
  const [state = "Z", ...words] = (listing?.stdout ?? "").trim().split(/\s+/);
  if (state === "" || state.startsWith("Z")) return [];
  // ps joins arguments with spaces: the directory is found again between "-D" and the option that follows it.
  return [...words, words.join(" ").replace(/^.* -D (.*?) -c .*$/, "$1")];
}

function ignoreMissing(error: unknown): undefined {
  if (isFileError(error, "ENOENT", "ENOTDIR", "ESRCH")) return undefined;
  throw error;
}
