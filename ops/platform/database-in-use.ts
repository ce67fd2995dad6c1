import { borrowLocalServer } from "./borrow-local.ts";

/** The two settings that decide which server a command works on. */
export interface DatabaseChoice {
  readonly databaseUrl: string | undefined;
  readonly ltHome: string;
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
  const server = await borrowLocalServer(choice.ltHome);
  try {
    return await task(server.url, true);
  } finally {
    await server.release();
  }
}
