import type { Command } from "commander";

import metadata from "../../package.json" with { type: "json" };
import type { SettingFlags } from "../config/config.ts";

/** The flags that every command of every script understands, before or after the command's name. */
export interface CommonFlags extends SettingFlags {
  json?: boolean;
  dryRun?: boolean;
  yes?: boolean;
  verbose?: boolean;
}

const COMMON = [
  ["--data <DIR>", "the application's JSON files (LT_DATA_DIR, else server/data)"],
  ["--database-url <URL>", "PostgreSQL to use (DATABASE_URL, else the embedded one)"],
  ["--stage <NAME>", "deployment to act on (LT_STAGE, else local)"],
  ["--json", "print exactly one JSON object on stdout"],
  ["--dry-run", "write nothing, print the steps of a real run"],
  ["--yes", "answer every confirmation with yes"],
  ["--verbose", "print more about each step"],
] as const;

const NAMES: ReadonlySet<string> = new Set(COMMON.map(([flag]) => flag.split(" ", 1)[0] ?? flag));

/** Adds the common flags, `--help` and `--version` to a script's program. */
export function addCommonFlags(program: Command): void {
  for (const [flag, summary] of COMMON) program.option(flag, summary);
  program.version(`${metadata.name} ${metadata.version}`, "--version", "print the version");
  program.helpOption("--help", "print this help");
}

/** Refuses a command whose own flag would be shadowed by a common one: a bug in the script, found by its first start. */
export function refuseCommonFlag(flag: string): void {
  const name = flag.split(" ", 1)[0] ?? flag;
  if (NAMES.has(name))
    throw new Error(`The flag ${name} is a common flag of every command and cannot be defined again.`);
}

/** Lines for stderr about flags that work and are still not a good idea. */
export function flagWarnings(flags: CommonFlags): string[] {
  if (flags.databaseUrl === undefined || !holdsPassword(flags.databaseUrl)) return [];
  return ["--database-url shows its password in the process list; set DATABASE_URL in the environment instead."];
}

function holdsPassword(url: string): boolean {
  const parsed = URL.parse(url);
  return parsed !== null && (parsed.password !== "" || parsed.searchParams.has("password"));
}
