import { resolve } from "node:path";

import { OpsError } from "../errors.ts";
import type { Config } from "./config.ts";
import { PROJECT_ROOT } from "./project-root.ts";
import { SECRET_SETTINGS, settingsSchema } from "./schema.ts";
import type { CheckedSettings } from "./schema.ts";
import { collectSettings } from "./settings.ts";
import type { Settings, SettingSources } from "./settings.ts";

/**
 * Turns flags, environment and `.env` into the frozen configuration.
 *
 * @throws OpsError `config` that lists every problem at once (also as `details.problems`), so that a person fixes them in
 * one go; a setting that may hold a password is named, never shown.
 */
export function loadConfig(sources: SettingSources): Config {
  const settings = collectSettings(Object.keys(settingsSchema.shape), sources);
  const checked = settingsSchema.safeParse(values(settings));
  if (!checked.success) {
    const problems = checked.error.issues.map((issue) =>
      describeProblem(String(issue.path[0]), issue.message, settings),
    );
    throw configError(problems);
  }
  return freezeConfig(checked.data, sources.cwd);
}

function values(settings: Settings): Record<string, string | undefined> {
  return Object.fromEntries(Object.entries(settings).map(([name, setting]) => [name, setting?.value]));
}

function describeProblem(name: string, message: string, settings: Settings): string {
  const setting = settings[name];
  const shown = SECRET_SETTINGS.has(name) ? "" : `, got ${JSON.stringify(setting?.value)}`;
  return `${setting?.source ?? name} ${message}${shown}`;
}

function configError(problems: string[]): OpsError {
  const heading = problems.length === 1 ? "1 setting is wrong:" : `${problems.length} settings are wrong:`;
  return new OpsError("config", [heading, ...problems.map((problem) => `  - ${problem}`)].join("\n"), {
    hint: "correct the flag, the environment variable or the line in .env named above, then run the command again",
    details: { problems },
  });
}

function freezeConfig(settings: CheckedSettings, cwd: string): Config {
  return Object.freeze({
    dataDirectory: resolve(cwd, settings.LT_DATA_DIR),
    databaseUrl: settings.DATABASE_URL,
    ltHome: settings.LT_HOME === undefined ? resolve(PROJECT_ROOT, ".lt") : resolve(cwd, settings.LT_HOME),
    stage: settings.LT_STAGE,
    databaseType: settings.DATABASE_TYPE,
    backup: Object.freeze({ enabled: settings.BACKUP_ENABLED, retentionDays: settings.BACKUP_RETENTION_DAYS }),
    pool: Object.freeze({
      size: settings.DB_POOL_SIZE,
      connectionTimeoutMs: settings.DB_CONNECTION_TIMEOUT,
      idleTimeoutMs: settings.DB_IDLE_TIMEOUT,
    }),
  });
}
