import { randomBytes } from "node:crypto";
import { readFile, rename, writeFile } from "node:fs/promises";
import { isFileError } from "./file-errors.ts";

/**
 * The superuser's password kept in `path`, made on first use; the file can be read by the current user only.
 *
 * Its letters are those of a URL, so that it needs no escaping in a connection string. Call it under a lock.
 */
export async function settlePassword(path: string): Promise<string> {
  const existing = await readPassword(path);
  if (existing !== undefined) return existing;
  const password = randomBytes(24).toString("base64url");
  const incomplete = `${path}.new`;
  await writeFile(incomplete, `${password}\n`, { mode: 0o600, flush: true });
  await rename(incomplete, path);
  return password;
}

/** The password kept in `path`, or undefined when there is none. */
export async function readPassword(path: string): Promise<string | undefined> {
  try {
    return (await readFile(path, "utf8")).trim();
  } catch (error) {
    if (isFileError(error, "ENOENT")) return undefined;
    throw error;
  }
}
