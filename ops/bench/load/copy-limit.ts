/** The limit: what PostgreSQL needs to take the same rows when they are already there as COPY text. */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { createReadStream, createWriteStream } from "node:fs";
import { access, constants } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { text } from "node:stream/consumers";
import { from as copyFrom, to as copyTo } from "pg-copy-streams";
import { plannedCollections } from "../../collections/registry.ts";
import { OpsError } from "../../errors.ts";
import { copyTarget } from "../../migration/load/copy-target.ts";
import { withClient } from "../../postgres/connection.ts";

/** The path of psql, or undefined where it is not installed. */
export async function findPsql(): Promise<string | undefined> {
  for (const directory of (process.env["PATH"] ?? "").split(delimiter)) {
    const path = join(directory, "psql");
    const found = await access(path, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (found) return path;
  }
  return undefined;
}

/** Writes each table's rows as COPY text, in the order of the files. */
export async function copyOut(url: string, directory: string): Promise<void> {
  await withClient(url, { applicationName: "bench" }, async (client) => {
    for (const collection of plannedCollections) {
      const { table, columns } = copyTarget(collection);
      const stream = client.query(
        copyTo(`copy (select ${columns.join(", ")} from ${table} order by position) to stdout`),
      );
      await pipeline(stream, createWriteStream(copyFile(directory, collection.name), { mode: 0o600 }));
    }
  });
}

/**
 * Copies the prepared files in, with `psql \copy` where there is a psql, else through a plain stream.
 *
 * @returns seconds for all tables
 */
export async function measureCopy(url: string, directory: string, psql: string | undefined): Promise<number> {
  const started = performance.now();
  if (psql === undefined) await copyWithStreams(url, directory);
  else await copyWithPsql(psql, url, directory);
  return (performance.now() - started) / 1000;
}

async function copyWithPsql(psql: string, url: string, directory: string): Promise<void> {
  const commands = plannedCollections.flatMap((collection) => {
    const { table, columns } = copyTarget(collection);
    return ["-c", `\\copy ${table} (${columns.join(", ")}) from '${copyFile(directory, collection.name)}'`];
  });
  const { hostname, port, username, password, pathname } = new URL(url);
  const environment = {
    ...process.env,
    PGHOST: hostname,
    PGPORT: port,
    PGUSER: username,
    PGPASSWORD: password,
    PGDATABASE: pathname.slice(1),
  };
  const child = spawn(psql, ["-X", "-q", "-v", "ON_ERROR_STOP=1", ...commands], {
    env: environment,
    stdio: ["ignore", "ignore", "pipe"],
  });
  const [errors, [code]] = await Promise.all([text(child.stderr), once(child, "exit")]);
  if (code !== 0) throw new OpsError("bench-failed", `psql ended with ${code}: ${errors.trim()}`);
}

async function copyWithStreams(url: string, directory: string): Promise<void> {
  await withClient(url, { applicationName: "bench" }, async (client) => {
    for (const collection of plannedCollections) {
      const { table, columns } = copyTarget(collection);
      const stream = client.query(copyFrom(`copy ${table} (${columns.join(", ")}) from stdin`));
      await pipeline(createReadStream(copyFile(directory, collection.name), { highWaterMark: 1 << 18 }), stream);
    }
  });
}

function copyFile(directory: string, name: string): string {
  return join(directory, `${name}.copy`);
}
