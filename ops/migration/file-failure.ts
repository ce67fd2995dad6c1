import { OpsError } from "../errors.ts";
import { isFileError } from "../platform/file-errors.ts";

const reasons: Readonly<Record<string, { code: string; reason: string; hint: string }>> = {
  ENOSPC: {
    code: "disk-full",
    reason: "no space is left on its disk",
    hint: "Free some space there, then run the same command again.",
  },
  EDQUOT: {
    code: "disk-full",
    reason: "the disk quota is used up",
    hint: "Free some space there, then run the same command again.",
  },
  EACCES: {
    code: "no-permission",
    reason: "permission denied",
    hint: "Run the command as the directory's owner, or give this user the right to write.",
  },
  EPERM: {
    code: "no-permission",
    reason: "not permitted",
    hint: "Run the command as the directory's owner, or give this user the right to write.",
  },
  EROFS: {
    code: "no-permission",
    reason: "its file system is read-only",
    hint: "Name a directory that can be written.",
  },
  ENOTDIR: { code: "not-a-directory", reason: "a part of the path is a file", hint: "Name a directory." },
  EEXIST: { code: "not-a-directory", reason: "a file of this name is there", hint: "Name a directory." },
  ENOENT: { code: "no-directory", reason: "it is gone", hint: "Name a directory that stays there." },
  EIO: { code: "disk-error", reason: "the disk reports an error", hint: "Use another disk." },
};

/**
 * Runs `task`, which writes below `directory`; a failure that the directory or its disk causes becomes an OpsError.
 *
 * @param what did not work, as the beginning of a sentence: "The journal was not written"
 * @throws OpsError `disk-full`, `no-permission`, `not-a-directory`, `no-directory`, `disk-error`; anything else as it was thrown
 */
export async function withWritableDirectory<T>(what: string, directory: string, task: () => Promise<T>): Promise<T> {
  try {
    return await task();
  } catch (cause) {
    if (!isFileError(cause, ...Object.keys(reasons))) throw cause;
    const { code, reason, hint } = reasons[cause.code!]!;
    throw new OpsError(code, `${what} in ${directory}: ${reason}.`, { hint, cause, details: { directory } });
  }
}
