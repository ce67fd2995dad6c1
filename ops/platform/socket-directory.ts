import { chmod, chown, mkdir, mkdtemp, rmdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { isFileError } from "./file-errors.ts";
import type { Identity } from "./identity.ts";

// A socket's path may have 103 bytes on macOS and 107 on Linux, and the server appends "/.s.PGSQL.65535".
const LONGEST_DIRECTORY_BYTES = 103 - "/.s.PGSQL.65535".length;
const SHORT_PREFIX = "/tmp/lightningtalk-socket-";

/**
 * The directory for a server's socket, entered by the server's user (and root) only.
 *
 * @param wanted used if its path is short enough; default: `socket` beside the data directory
 * @returns its path; one with a short name under /tmp where the wanted path is too long
 */
export async function settleSocketDirectory(
  dataDirectory: string,
  wanted: string | undefined,
  identity: Identity | undefined,
): Promise<string> {
  const directory = wanted ?? join(dirname(dataDirectory), "socket");
  const settled = Buffer.byteLength(directory) <= LONGEST_DIRECTORY_BYTES ? directory : await mkdtemp(SHORT_PREFIX);
  await mkdir(settled, { recursive: true });
  await chmod(settled, 0o700);
  if (identity) await chown(settled, identity.uid, identity.gid);
  return settled;
}

/** Removes an empty directory that `settleSocketDirectory` made under /tmp; leaves every other one alone. */
export async function removeShortSocketDirectory(directory: string): Promise<void> {
  if (!directory.startsWith(SHORT_PREFIX) || directory.includes("/", SHORT_PREFIX.length)) return;
  await rmdir(directory).catch((error: unknown) => {
    if (!isFileError(error, "ENOENT", "ENOTEMPTY")) throw error;
  });
}
