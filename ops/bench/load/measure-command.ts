import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { OpsError } from "../../errors.ts";

export interface CommandMeasure {
  /** Wall time of the whole process, from start to exit. */
  seconds: number;
  /** Largest resident set of the process, MiB. */
  peakMiB: number;
}

const script = new URL("../../migrate.mjs", import.meta.url).pathname;

/**
 * Runs a command of migrate.mjs as a person would, in a process of its own.
 *
 * @param url goes through the environment: it holds a password
 * @throws OpsError `bench-failed` when the command fails
 */
export async function measureCommand(command: string, dataDirectory: string, url: string): Promise<CommandMeasure> {
  const started = performance.now();
  const child = spawn(process.execPath, [script, command, "--data", dataDirectory, "--json"], {
    env: { ...process.env, DATABASE_URL: url },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const [output, errors, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "exit")]);
  const seconds = (performance.now() - started) / 1000;
  if (code !== 0)
    throw new OpsError(
      "bench-failed",
      `migrate.mjs ${command} ended with ${code}: ${errors.trim().split("\n").at(-1)}`,
    );
  const { peakMemoryBytes } = JSON.parse(output) as { peakMemoryBytes: number };
  return { seconds, peakMiB: peakMemoryBytes / 2 ** 20 };
}
