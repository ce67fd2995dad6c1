import { OpsError } from "../errors.ts";
import { borrowLocalServer } from "./borrow-local.ts";
import { describeLocalServer } from "./describe-local.ts";

/** The two settings that decide which server a command works on. */
export interface DatabaseChoice {
  readonly databaseUrl: string | undefined;
  readonly ltHome: string;
  /** Uses the embedded server only if it runs: starting it writes files, which a dry run must not. */
  readonly dryRun?: boolean;
}

/**
 * Runs `task` with the URL of the database that a command works on: the configured one, else the embedded PostgreSQL's,
 * which is started for the purpose and stops afterwards unless `db.mjs start` or another command keeps it.
 *
 * @param task gets the URL, which holds a password, and whether the server is the embedded one
 */
export async function withDatabase<T>(
  choice: DatabaseChoice,
  task: (url: string, embedded: boolean) => Promise<T>,
): Promise<T> {
  if (choice.databaseUrl !== undefined) return await task(choice.databaseUrl, false);
  if (choice.dryRun === true) return await task(await runningUrl(choice.ltHome), true);
  const server = await borrowLocalServer(choice.ltHome);
  try {
    return await task(server.url, true);
  } finally {
    await server.release();
  }
}

async function runningUrl(home: string): Promise<string> {
  const { url } = await describeLocalServer(home);
  if (url !== undefined) return url;
  throw new OpsError("not-running", `The embedded PostgreSQL of ${home} does not run, and a dry run starts nothing.`, {
    hint: "npx zx ops/db.mjs start",
  });
}
