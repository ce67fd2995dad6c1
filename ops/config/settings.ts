import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseEnv } from "node:util";

import { OpsError } from "../errors.ts";
import type { SettingFlags } from "./config.ts";

/** One untrusted value and where a person finds it: `--stage`, `DATABASE_URL`, `DATABASE_URL in .env`. */
export interface Setting {
  value: string;
  source: string;
}

export type Settings = Partial<Record<string, Setting>>;

export interface SettingSources {
  flags: SettingFlags;
  environment: NodeJS.ProcessEnv;
  /** The directory whose `.env` is read. */
  cwd: string;
}

const FLAG_SETTINGS = [
  ["data", "LT_DATA_DIR", "--data"],
  ["databaseUrl", "DATABASE_URL", "--database-url"],
  ["stage", "LT_STAGE", "--stage"],
] as const;

/**
 * Collects the raw settings by name: flags win over the environment, the environment over `.env`.
 *
 * An empty variable counts as absent, because compose files and CI systems pass unset variables on as empty ones;
 * an empty flag was typed by somebody and stays a value (and a problem).
 */
export function collectSettings(names: readonly string[], sources: SettingSources): Settings {
  const dotEnv = readDotEnv(sources.cwd);
  const settings: Settings = {};
  for (const name of names) {
    const setting = nonEmpty(sources.environment[name], name) ?? nonEmpty(dotEnv[name], `${name} in .env`);
    if (setting !== undefined) settings[name] = setting;
  }
  for (const [flag, name, source] of FLAG_SETTINGS) {
    const value = sources.flags[flag];
    if (value !== undefined) settings[name] = { value, source };
  }
  return settings;
}

function nonEmpty(value: string | undefined, source: string): Setting | undefined {
  return value === undefined || value === "" ? undefined : { value, source };
}

function readDotEnv(cwd: string): NodeJS.Dict<string> {
  const path = join(cwd, ".env");
  try {
    return parseEnv(readFileSync(path, "utf8"));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return {};
    throw new OpsError("config", `Cannot read ${path}: ${(error as Error).message}.`, {
      hint: "make the file readable, or remove it and set the variables in the environment",
      cause: error,
    });
  }
}
