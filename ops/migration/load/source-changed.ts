/** A source file that somebody writes while it is loaded. */

import { join } from "node:path";
import type { Client } from "pg";
import { OpsError } from "../../errors.ts";
import { describeChange, fingerprintFile } from "../fingerprint.ts";
import type { Fingerprint } from "../fingerprint.ts";
import { distrustProgress } from "./load-progress.ts";

/** The error for a file that somebody wrote while it was read. */
export function sourceChanged(file: string, change: string, cause?: unknown): OpsError {
  return new OpsError("source-changed", `${file} changed while it was read: ${change}.`, {
    hint: "Stop the application (or switch on maintenance), then start again: npx zx ops/migrate.mjs execute --replace",
    cause,
    details: { file },
  });
}

/** @throws OpsError `source-changed` when the bytes read are not the fingerprinted ones */
export function refuseOtherBytes(source: Fingerprint, sha256: string): void {
  if (sha256 === source.sha256) return;
  throw sourceChanged(source.file, "the bytes that were loaded are not the ones that were fingerprinted");
}

/**
 * Says how a file differs from its fingerprint now.
 *
 * @param path of the file
 * @returns undefined when it is the same, written at the same time
 */
export async function findChange(path: string, before: Fingerprint): Promise<string | undefined> {
  const after = await fingerprintFile(path).catch((error: NodeJS.ErrnoException) => error);
  if (!(after instanceof Error)) return describeChange(before, after);
  return after.code === "ENOENT" ? "it is gone" : `it cannot be read any more (${after.code ?? after.message})`;
}

/**
 * What stopped a load, for a person. A file that was whole when it was fingerprinted and cannot be read now has changed; what
 * was loaded from it may be of two versions, so it is marked as not to be trusted.
 *
 * @param error anything that the load has thrown, outside of any transaction
 * @returns the error to throw
 */
export async function explainReadFailure(
  {
    client,
    collection,
    directory,
    source,
  }: { client: Client; collection: { name: string }; directory: string; source: Fingerprint },
  error: unknown,
): Promise<unknown> {
  if (!isReadFailure(error)) return error;
  const moved = error instanceof OpsError && error.code === "source-changed";
  const change = moved ? undefined : await findChange(join(directory, source.file), source);
  if (!moved && change === undefined) return error;
  await distrustProgress(client, collection.name);
  return change === undefined ? error : sourceChanged(source.file, change, error);
}

const readFailures = new Set(["broken-json", "source-changed", "element-too-large"]);

/** Errors of files name a path; those of the database's socket do not. */
function isReadFailure(error: unknown): boolean {
  if (error instanceof OpsError) return readFailures.has(error.code);
  return error instanceof Error && "syscall" in error && ("path" in error || error.syscall === "read");
}
