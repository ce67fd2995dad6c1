import { open, statfs } from "node:fs/promises";
import { dirname } from "node:path";
import { OpsError } from "../errors.ts";
import { isFileError } from "./file-errors.ts";

const TAIL_BYTES = 8192;
const SHOWN_LINES = 3;

/** Where a failed program wrote, for the message. */
export interface FailureScene {
  /** What failed, as the beginning of a sentence: "PostgreSQL did not start". */
  what: string;
  /** Directory whose disk matters. */
  dataDirectory: string;
  /** Where the whole output can be read, if it is in a file. */
  logFile?: string;
}

/**
 * The error for a PostgreSQL program that gave up, named after its reason as far as its output tells it.
 *
 * @param output the end of what it wrote
 * @returns OpsError `disk-full` or `server-failed`
 */
export async function describeServerFailure(output: string, scene: FailureScene, cause?: unknown): Promise<OpsError> {
  if (output.includes("No space left on device") || isFileError(cause, "ENOSPC")) return await diskFull(scene, cause);
  const reason = reasonIn(output);
  return new OpsError("server-failed", `${scene.what}: ${reason || "it said nothing"}.`, {
    hint: scene.logFile ? `Read ${scene.logFile}.` : "Remove the reason and run the command again.",
    cause,
  });
}

/**
 * Runs `task`; a file operation in it that fails for want of space or permission becomes an OpsError.
 *
 * @throws OpsError `disk-full` or `no-permission`; what `task` throws otherwise passes through unchanged
 */
export async function withFileFailures<T>(scene: FailureScene, task: () => Promise<T>): Promise<T> {
  try {
    return await task();
  } catch (error) {
    if (isFileError(error, "ENOSPC", "EDQUOT")) throw await diskFull(scene, error);
    if (isFileError(error, "EACCES", "EPERM", "EROFS")) throw noPermission(scene, error);
    throw error;
  }
}

/**
 * What was appended to a log file since it had `offset` bytes, at most its last 8 KiB.
 */
export async function readLogTail(path: string, offset: number): Promise<string> {
  const file = await open(path, "r");
  try {
    const { size } = await file.stat();
    const start = Math.max(offset, size - TAIL_BYTES);
    const { buffer, bytesRead } = await file.read({ buffer: Buffer.alloc(TAIL_BYTES), position: start });
    return buffer.toString("utf8", 0, bytesRead);
  } finally {
    await file.close();
  }
}

function noPermission(scene: FailureScene, error: NodeJS.ErrnoException): OpsError {
  return new OpsError("no-permission", `${scene.what}: permission denied for ${error.path ?? scene.dataDirectory}.`, {
    hint: "Run the command as the owner or as root, or set LT_HOME to a directory of your own.",
    cause: error,
  });
}

async function diskFull(scene: FailureScene, cause: unknown): Promise<OpsError> {
  const free = await freeMegabytes(scene.dataDirectory);
  return new OpsError(
    "disk-full",
    `${scene.what}: no space is left on the disk of ${scene.dataDirectory} (${free} MB free).`,
    {
      hint: "Free some space, or set LT_HOME to a directory on another disk; then run the command again.",
      cause,
      details: { dataDirectory: scene.dataDirectory, freeMegabytes: free },
    },
  );
}

async function freeMegabytes(path: string): Promise<number> {
  try {
    const { bavail, bsize } = await statfs(path);
    return Math.floor((bavail * bsize) / 1_000_000);
  } catch (error) {
    // The directory may not have come into being; the root directory is its own parent and always exists.
    if (!isFileError(error, "ENOENT") || path === dirname(path)) throw error;
    return await freeMegabytes(dirname(path));
  }
}

/** The last lines, without time stamps; what matters is not always marked as an error. */
function reasonIn(output: string): string {
  return output
    .split("\n")
    .filter((line) => line.trim() !== "" && !line.endsWith("database system is shut down"))
    .slice(-SHOWN_LINES)
    .map((line) => line.replace(/^.*?\b(LOG|FATAL|PANIC|ERROR|HINT|DETAIL|error|hint):\s+/, ""))
    .join("; ")
    .replace(/\.$/, "");
}
