import type { Client } from "pg";
import { OpsError } from "../errors.ts";
import { withClient } from "../postgres/connection.ts";

/**
 * Opens a session as lt_admin, for commands that need what `execute` has made.
 *
 * @throws OpsError `nothing-loaded` when the database has no schema of ours yet
 */
export async function withLoadedDatabase<T>(
  url: string,
  applicationName: string,
  fn: (client: Client) => Promise<T>,
): Promise<T> {
  return await withClient(url, { applicationName }, async (client) => {
    const { rows } = await client.query<{ there: boolean }>(
      "select to_regclass('ops.load_progress') is not null as there",
    );
    if (!rows[0]!.there) {
      throw new OpsError(
        "nothing-loaded",
        "This database has no schema of lightningtalk-db yet: nothing was loaded into it.",
        {
          hint: "Load the files first: npx zx ops/migrate.mjs execute",
        },
      );
    }
    await client.query("set role lt_admin");
    return await fn(client);
  });
}
