import { execFile, spawn, type ChildProcess } from "node:child_process";
import { promisify } from "node:util";
import { OpsError } from "../errors.ts";
import { isFileError } from "./file-errors.ts";
import type { Identity } from "./identity.ts";

/**
 * Runs a PostgreSQL program to its end.
 *
 * @returns what it wrote
 * @throws the error of `execFile`, with `stdout` and `stderr`, or OpsError `postgres-unusable`
 */
export async function runProgram(path: string, args: string[], identity: Identity | undefined): Promise<string> {
  try {
    const { stdout, stderr } = await promisify(execFile)(path, args, options(identity));
    return stdout + stderr;
  } catch (error) {
    throw unusable(path, identity, error) ?? error;
  }
}

/**
 * Starts a server that outlives this process, its output going to an open file.
 *
 * @param output file descriptor, open for appending; the caller closes it
 */
export async function startProgram(
  path: string,
  args: string[],
  identity: Identity | undefined,
  output: number,
): Promise<ChildProcess> {
  const child = spawn(path, args, { ...options(identity), detached: true, stdio: ["ignore", output, output] });
  await new Promise<void>((resolve, reject) => {
    child.once("spawn", resolve);
    child.once("error", (error) => reject(unusable(path, identity, error) ?? error));
  });
  child.unref();
  return child;
}

/** The environment is not handed on: PG* variables, locale and time zone of the caller would change the server. */
function options(identity: Identity | undefined) {
  return {
    cwd: "/",
    env: { PATH: process.env["PATH"] ?? "/usr/bin:/bin", LC_ALL: "C", TZ: "UTC" },
    ...(identity && { uid: identity.uid, gid: identity.gid }),
  };
}

function unusable(path: string, identity: Identity | undefined, error: unknown): OpsError | undefined {
  if (identity && isFileError(error, "EPERM", "EINVAL")) {
    return new OpsError(
      "no-unprivileged-user",
      `PostgreSQL does not run as root, and this system does not let root act as ${identity.name}.`,
      {
        hint: "Run the command as an ordinary user, or give --database-url of a PostgreSQL server.",
        cause: error,
      },
    );
  }
  if (!isFileError(error, "ENOENT", "EACCES", "ENOEXEC")) return undefined;
  return new OpsError("postgres-unusable", `The program ${path} cannot be executed here (${error.code}).`, {
    hint: "It needs Linux with glibc or macOS, and a disk mounted without noexec; else give --database-url of a PostgreSQL server.",
    cause: error,
  });
}
