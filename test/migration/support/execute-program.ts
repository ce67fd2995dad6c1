// Runs executeMigration and stops at named points until a line comes on standard input: node execute-program.ts OPTIONS.
// A point is `begin STEP`, `end STEP` or `batch COLLECTION N`; each that is reached is a line on standard output.
import { readSync, writeSync } from "node:fs";
import type { Reporter } from "../../../ops/cli/reporter.ts";
import { OpsError } from "../../../ops/errors.ts";
import { executeMigration } from "../../../ops/migration/execute.ts";

interface ProgramOptions {
  url: string;
  dataDirectory: string;
  acceptQuarantined: number;
  replace: boolean;
  batchBytes: number;
  /** Points to stop at. */
  stopAt: string[];
}

const options = JSON.parse(process.argv[2] ?? "") as ProgramOptions;
const stops = new Set(options.stopAt);

function reach(point: string): void {
  writeSync(1, `${point}\n`);
  if (stops.has(point)) readSync(0, Buffer.alloc(1));
}

const reporter: Reporter = {
  step: async (title, run) => {
    reach(`begin ${title}`);
    const result = await run(() => undefined);
    reach(`end ${title}`);
    return result;
  },
  note: () => undefined,
  warn: () => undefined,
  detail: () => undefined,
  progress: (label) => {
    let batches = 0;
    return { update: () => reach(`batch ${label} ${(batches += 1)}`), finish: () => undefined, clear: () => undefined };
  },
};

try {
  await executeMigration({ ...options, reporter, signal: new AbortController().signal });
  reach("done");
} catch (error) {
  process.exitCode = 1;
  process.stderr.write(error instanceof OpsError ? `${error.code}: ${error.message}\n` : `${(error as Error).stack}\n`);
}
