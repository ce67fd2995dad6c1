/** What people write by hand: parse the file, one INSERT per document, a pool of connections. */

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import pg from "pg";
import { toRow } from "../../collections/collection.ts";
import type { Row, TypedCollection } from "../../collections/collection.ts";
import { typedColumns } from "../../collections/copy-text.ts";
import { plannedCollections } from "../../collections/registry.ts";
import type { JsonValue } from "../../json/value.ts";
import { clientConfig } from "../../postgres/connection.ts";

const poolSize = 20;

/**
 * Inserts every document of a small data set.
 *
 * @param dataDirectory files of the same shapes as the large ones
 * @returns seconds, reading and parsing included
 */
export async function measureInserts(url: string, dataDirectory: string): Promise<number> {
  const pool = new pg.Pool({ ...clientConfig(url, { applicationName: "bench" }), max: poolSize });
  // A connection that the pool has let go may still hear that the server stops; unheard, that would end the process.
  pool.on("connect", (client) => client.on("error", () => undefined));
  try {
    const started = performance.now();
    for (const collection of plannedCollections) {
      if (collection.kind === "typed") await insertEach(pool, collection, dataDirectory);
    }
    return (performance.now() - started) / 1000;
  } finally {
    await pool.end();
  }
}

async function insertEach(pool: pg.Pool, collection: TypedCollection, dataDirectory: string): Promise<void> {
  const documents = JSON.parse(await readFile(join(dataDirectory, `${collection.name}.json`), "utf8")) as JsonValue[];
  const columns = typedColumns(collection);
  const places = columns.map((_, i) => `$${i + 1}`);
  const statement = `insert into ${collection.table} (${columns.join(", ")}) values (${places.join(", ")})`;
  await Promise.all(
    documents.map((document, position) =>
      pool.query(statement, parameters(toRow(collection, document) as Row, position)),
    ),
  );
}

function parameters(row: Row, position: number): unknown[] {
  return [row.id, position, ...row.values, row.remainder];
}
