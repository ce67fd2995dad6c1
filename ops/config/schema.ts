import { z } from "zod";

const LONGEST_POOL_TIMEOUT_MS = 3_600_000;

/**
 * What each setting must be, by the name of its environment variable, with the default of an absent one.
 *
 * Every message continues the sentence "DB_POOL_SIZE ...".
 */
export const settingsSchema = z.object({
  LT_DATA_DIR: z.string().min(1, "must name a directory").default("server/data"),
  LT_HOME: z.string().min(1, "must name a directory").optional(),
  LT_STAGE: z
    .string()
    .regex(/^[a-z][a-z0-9-]{0,30}$/, "must be a short name of lower-case letters, digits and hyphens")
    .default("local"),
  DATABASE_URL: z
    .string()
    .refine(isPostgresUrl, "must be a URL of the form postgresql://user@host:5432/database")
    .optional(),
  DATABASE_TYPE: z.enum(["file", "postgresql", "phased"], "must be file, postgresql or phased").default("file"),
  BACKUP_ENABLED: z.stringbool("must be true or false").default(true),
  BACKUP_RETENTION_DAYS: wholeNumber(1, 3650).default(30),
  DB_POOL_SIZE: wholeNumber(1, 1000).default(20),
  DB_CONNECTION_TIMEOUT: wholeNumber(1, LONGEST_POOL_TIMEOUT_MS, " milliseconds").default(2000),
  DB_IDLE_TIMEOUT: wholeNumber(0, LONGEST_POOL_TIMEOUT_MS, " milliseconds").default(30_000),
});

export type CheckedSettings = z.output<typeof settingsSchema>;

/** Settings whose value may hold a secret: problems name them without showing the value. */
export const SECRET_SETTINGS: ReadonlySet<string> = new Set(["DATABASE_URL"]);

function wholeNumber(min: number, max: number, unit = "") {
  const message = `must be a whole number${unit && ` of${unit}`} from ${min} to ${max}`;
  return z
    .string()
    .regex(/^\d{1,9}$/, message)
    .transform(Number)
    .pipe(z.number().min(min, message).max(max, message));
}

function isPostgresUrl(value: string): boolean {
  return /^postgres(ql)?:\/\//.test(value) && URL.canParse(value);
}
