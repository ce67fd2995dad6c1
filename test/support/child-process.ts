import { spawn } from "node:child_process";
import { join } from "node:path";

/** How a child process ended and what it wrote. */
export interface Outcome {
  /** Exit code, null when a signal ended it. */
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

const PROJECT = join(import.meta.dirname, "../..");

/**
 * Runs an operator's script as a person does.
 *
 * @param script file name below ops/, "db.mjs"
 * @param environment variables beside PATH and HOME; nothing else is inherited, so that a developer's DATABASE_URL is not used
 */
export async function runScript(
  script: string,
  args: string[],
  environment: Record<string, string> = {},
): Promise<Outcome> {
  return await run(join(PROJECT, "node_modules/.bin/zx"), [join(PROJECT, "ops", script), ...args], environment);
}

/** Runs TypeScript source as a module of its own process; `process.argv` from index 1 on are the `args`. */
export async function runModule(source: string, args: string[] = []): Promise<Outcome> {
  return await run(process.execPath, ["--input-type=module-typescript", "--eval", source, ...args], {});
}

async function run(program: string, args: string[], environment: Record<string, string>): Promise<Outcome> {
  const { PATH = "", HOME = "" } = process.env;
  const env = { PATH: `${join(PROJECT, "node_modules/.bin")}:${PATH}`, HOME, ...environment };
  const child = spawn(program, args, { cwd: PROJECT, env, stdio: ["ignore", "pipe", "pipe"] });
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => (stdout += chunk));
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => (stderr += chunk));
  return await new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => resolve({ code, signal, stdout, stderr }));
  });
}
