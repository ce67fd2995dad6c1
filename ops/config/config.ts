/** How the application's database service is chosen: one store, or the recorded phase. */
export type DatabaseType = "file" | "postgresql" | "phased";

/**
 * The trusted settings of one command, frozen.
 *
 * Everything outside `ops/config/` reads settings from here and never from the environment, so that a value is checked once.
 */
export interface Config {
  /** Absolute directory of the application's JSON files. */
  readonly dataDirectory: string;
  /** A `postgres:` or `postgresql:` URL, or undefined for the embedded PostgreSQL. Holds a password: never print it. */
  readonly databaseUrl: string | undefined;
  /** Absolute directory of the embedded PostgreSQL and other local state. */
  readonly ltHome: string;
  /** Name of the deployment this command acts on, `local` unless told otherwise. */
  readonly stage: string;
  readonly databaseType: DatabaseType;
  readonly backup: { readonly enabled: boolean; readonly retentionDays: number };
  readonly pool: { readonly size: number; readonly connectionTimeoutMs: number; readonly idleTimeoutMs: number };
}

/** The flags that are settings, as they were typed; undefined when not given. */
export interface SettingFlags {
  data?: string | undefined;
  databaseUrl?: string | undefined;
  stage?: string | undefined;
}
