/** The thread that reads the postgres store's side of a comparison. */

import { workerData } from "node:worker_threads";
import { collectionNamed } from "../../collections/registry.ts";
import { openSnapshot } from "../../postgres/snapshot.ts";
import { sendAll } from "../worker-stream.ts";
import { readDatabaseRecords } from "./database-side.ts";
import type { DatabaseChunk } from "./database-side.ts";

export interface DatabaseSideTask {
  url: string;
  /** Names of the collections, in the order in which they are wanted. */
  collections: string[];
  /** The exported snapshot that all readers of one verification share. */
  snapshot: string;
}

async function* readAll({ url, collections, snapshot }: DatabaseSideTask): AsyncGenerator<DatabaseChunk> {
  const client = await openSnapshot(url, snapshot);
  try {
    for (const name of collections) yield* readDatabaseRecords(client, collectionNamed(name));
  } finally {
    await client.end();
  }
}

await sendAll(readAll(workerData as DatabaseSideTask), ({ records, locators }) => [records.buffer, locators.buffer]);
