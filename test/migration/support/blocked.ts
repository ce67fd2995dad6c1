import { setTimeout as sleep } from "node:timers/promises";
import type { Client } from "pg";
import { connect, withClient } from "../../../ops/postgres/connection.ts";

const timeoutMs = 30_000;

/** A transaction that holds locks until it is let go, so that another session waits exactly there. */
export interface Obstacle {
  /** Waits until the migration's session waits for a lock in a statement that contains `text`. */
  untilBlocked(text: string): Promise<void>;
  release(): Promise<void>;
}

/** Runs statements that take locks in a transaction of their own. */
export async function putObstacle(url: string, ...statements: string[]): Promise<Obstacle> {
  const client = await connect(url, { applicationName: "obstacle" });
  await client.query("begin");
  for (const statement of statements) await client.query(statement);
  return {
    untilBlocked: (text) => untilBlocked(url, text),
    release: async () => {
      await client.query("rollback").catch(() => undefined);
      await client.end();
    },
  };
}

async function untilBlocked(url: string, text: string): Promise<void> {
  await withClient(url, {}, async (client) => {
    const deadline = performance.now() + timeoutMs;
    while (!(await isBlocked(client, text))) {
      if (performance.now() > deadline)
        throw new Error(
          `No session waited for a lock in a statement with "${text}": ${await describeSessions(client)}`,
        );
      await sleep(10);
    }
  });
}

async function isBlocked(client: Client, text: string): Promise<boolean> {
  const { rowCount } = await client.query(
    `select from pg_stat_activity
      where datname = current_database() and wait_event_type = 'Lock' and pid <> pg_backend_pid() and position($1 in query) > 0`,
    [text],
  );
  return rowCount! > 0;
}

async function describeSessions(client: Client): Promise<string> {
  const { rows } = await client.query(
    "select application_name, state, wait_event, left(query, 200) as query from pg_stat_activity where datname = current_database()",
  );
  return JSON.stringify(rows);
}
