/** What tells whether a source file is still the one that was read. */

import { createHash } from "node:crypto";
import { open } from "node:fs/promises";
import { basename } from "node:path";

export interface Fingerprint {
  /** File name without its directory. */
  file: string;
  /** Bytes. */
  size: number;
  /** Time of the last modification, milliseconds since 1970 with fractions. */
  mtimeMs: number;
  /** Hexadecimal SHA-256 of the content. */
  sha256: string;
}

/** Reads a file through and fingerprints it. One buffer serves for all reads: a new one for each would pile up. */
export async function fingerprintFile(path: string): Promise<Fingerprint> {
  const hash = createHash("sha256");
  const buffer = Buffer.allocUnsafeSlow(1 << 20);
  let size = 0;
  await using file = await open(path, "r");
  const { mtimeMs } = await file.stat();
  for (;;) {
    const { bytesRead } = await file.read(buffer, 0, buffer.length, size);
    if (bytesRead === 0) break;
    hash.update(buffer.subarray(0, bytesRead));
    size += bytesRead;
  }
  return { file: basename(path), size, mtimeMs, sha256: hash.digest("hex") };
}

/** Says how two fingerprints of a file differ, or undefined when they are of the same content at the same time. */
export function describeChange(before: Fingerprint, after: Fingerprint): string | undefined {
  if (before.size !== after.size) return `its size went from ${before.size} to ${after.size} bytes`;
  if (before.sha256 !== after.sha256) return "its content differs at the same size";
  if (before.mtimeMs !== after.mtimeMs) return `it was written again at ${new Date(after.mtimeMs).toISOString()}`;
  return undefined;
}
