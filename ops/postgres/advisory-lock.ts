import { hostname } from "node:os";
import type { Client } from "pg";
import { OpsError } from "../errors.ts";
import { connect } from "./connection.ts";
import { sqlState } from "./database-error.ts";

export interface LockOptions {
  /** How long to wait for a holder to finish or for its killed process's session to be noticed, in milliseconds. */
  waitMs?: number;
  /** How often the lock's own connection is tried, in milliseconds. */
  heartbeatMs?: number;
}

const DEFAULT_WAIT_MS = 3_000;
const DEFAULT_HEARTBEAT_MS = 5_000;
/** PostgreSQL cuts application names to this many bytes. */
const NAME_BYTES = 63;

/**
 * Runs `fn` while holding a lock that one session of the database can have at a time.
 *
 * The lock lives and dies with a connection of its own: it is released when `fn` ends, however it ends, and by the server
 * when this process is killed. Should that connection break while `fn` runs, somebody else may get the lock: the signal
 * is aborted, and the result of `fn` is replaced by an error because it can no longer be trusted.
 *
 * @param url the database to lock in
 * @param name what is locked, for example "migrate"
 * @param holder who holds it, as the next one is told: the command, for example "migrate execute"
 * @throws OpsError `already-running` when another session keeps it for longer than `waitMs`; `lock-lost`
 */
export async function withAdvisoryLock<T>(
  url: string,
  name: string,
  holder: string,
  fn: (signal: AbortSignal) => Promise<T>,
  options: LockOptions = {},
): Promise<T> {
  const client = await connect(url, { applicationName: holderName(holder) });
  try {
    await acquire(client, name, options.waitMs ?? DEFAULT_WAIT_MS);
    return await holding(client, name, fn, options.heartbeatMs ?? DEFAULT_HEARTBEAT_MS);
  } finally {
    await client.end().catch(() => {});
  }
}

/**
 * How a holder shows itself in pg_stat_activity: command, process and host, in ASCII and within PostgreSQL's 63 bytes;
 * the host is what gets cut.
 */
export function holderName(command: string, pid: number = process.pid, host: string = hostname()): string {
  const ascii = (text: string) => text.replace(/[^\x20-\x7e]/g, "?");
  return `${ascii(command).slice(0, 40)} pid ${pid} on ${ascii(host)}`.slice(0, NAME_BYTES);
}

async function acquire(client: Client, name: string, waitMs: number): Promise<void> {
  await client.query("select set_config('lock_timeout', $1, false)", [`${Math.max(1, Math.ceil(waitMs))}ms`]);
  try {
    await client.query("select pg_advisory_lock(hashtextextended($1, 0))", [lockName(name)]);
  } catch (error) {
    if (sqlState(error) !== "55P03") throw error;
    throw await alreadyRunning(client, name, error);
  }
}

async function holding<T>(
  client: Client,
  name: string,
  fn: (signal: AbortSignal) => Promise<T>,
  heartbeatMs: number,
): Promise<T> {
  const controller = new AbortController();
  const { signal } = controller;
  const lose = (cause?: unknown) => {
    if (!signal.aborted) controller.abort(lockLost(name, cause));
  };
  client.on("error", lose);
  client.on("end", lose);
  // A path that drops packets in silence closes no socket; only a missing answer shows it.
  let last = Promise.resolve();
  const beat = () => (last = last.then(() => (signal.aborted ? undefined : answers(client, heartbeatMs))).catch(lose));
  const heartbeat = setInterval(() => void beat(), heartbeatMs);
  heartbeat.unref();
  try {
    const result = await fn(signal);
    await beat();
    signal.throwIfAborted();
    return result;
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    clearInterval(heartbeat);
    client.off("end", lose);
  }
}

async function answers(client: Client, withinMs: number): Promise<void> {
  const { promise: overdue, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`no answer within ${withinMs} ms`)), withinMs);
  try {
    await Promise.race([client.query("select 1"), overdue]);
  } finally {
    clearTimeout(timer);
  }
}

/** A bigint advisory lock shows in pg_locks as its two halves. */
const HOLDER = `
  select a.pid, a.application_name, a.usename, a.client_addr, a.backend_start
    from pg_locks l join pg_stat_activity a using (pid)
   where l.locktype = 'advisory' and l.granted and l.objsubid = 1
     and l.database = (select oid from pg_database where datname = current_database())
     and (l.classid::bigint << 32 | l.objid::bigint) = hashtextextended($1, 0)`;

async function alreadyRunning(client: Client, name: string, cause: unknown): Promise<OpsError> {
  const { rows } = await client.query(HOLDER, [lockName(name)]);
  const holder = rows[0] as
    | { pid: number; application_name: string; usename: string | null; backend_start: Date | null }
    | undefined;
  const who = holder === undefined ? "another session that has just ended" : `"${holder.application_name}"`;
  const since = holder?.backend_start ? `, since ${holder.backend_start.toISOString()}` : "";
  return new OpsError("already-running", `The lock "${name}" of this database is held by ${who}${since}.`, {
    hint: holder
      ? `wait for it to end; if its process is gone for good: select pg_terminate_backend(${holder.pid})`
      : "run the same command again",
    cause,
    details: { lock: name, holder: holder?.application_name ?? null, backendPid: holder?.pid ?? null },
  });
}

function lockLost(name: string, cause: unknown): OpsError {
  return new OpsError(
    "lock-lost",
    `The connection that held the lock "${name}" broke, so another command may have started.`,
    {
      hint: "run the same command again; it goes on from what was committed",
      cause,
    },
  );
}

function lockName(name: string): string {
  return `lightningtalk-db:${name}`;
}
