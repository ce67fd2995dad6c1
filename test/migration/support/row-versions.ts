import { withClient } from "../../../ops/postgres/connection.ts";

/** Every row of our tables with the transaction that wrote it: equal only when nothing was written in between. */
export async function rowVersions(url: string): Promise<unknown[]> {
  return await withClient(url, {}, async (client) => {
    const { rows } = await client.query<{ tablename: string }>(
      "select schemaname || '.' || tablename as tablename from pg_tables where schemaname in ('lightningtalk', 'ops') order by 1",
    );
    const versions: unknown[] = [];
    for (const { tablename } of rows)
      versions.push(
        tablename,
        (await client.query(`select xmin::text, ctid::text, t::text from ${tablename} t order by ctid`)).rows,
      );
    return versions;
  });
}
