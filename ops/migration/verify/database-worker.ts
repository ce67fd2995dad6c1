/** The postgres store's side of a comparison: reads every row of a collection and sends its record. */

import { workerData } from "node:worker_threads";
import { collectionNamed } from "../../collections/registry.ts";
import { openSnapshot } from "../../postgres/snapshot.ts";
import { sendAll } from "../worker-stream.ts";
import { readStoredDocuments } from "./database-records.ts";
import { ChunkWriter, comparable } from "./record-chunk.ts";
import type { RecordChunk } from "./record-chunk.ts";

export interface DatabaseSideTask {
  url: string;
  /** The collection's name. */
  collection: string;
  /** The exported snapshot that all readers of one verification share. */
  snapshot: string;
}

/** A chunk of records, and the rows in it whose columns contradict their documents. */
export interface DatabaseChunk extends RecordChunk {
  contradictions: { position: number; column: string }[];
}

async function* readRecords({ url, collection, snapshot }: DatabaseSideTask): AsyncGenerator<DatabaseChunk> {
  const writer = new ChunkWriter();
  let contradictions: DatabaseChunk["contradictions"] = [];
  const client = await openSnapshot(url, snapshot);
  try {
    for await (const group of readStoredDocuments(client, collectionNamed(collection))) {
      for (const { document, position, text, contradiction } of group) {
        const record = text === undefined ? { document } : comparable(document, text);
        writer.add(record.document, position, record.text);
        if (contradiction !== undefined) contradictions.push({ position, column: contradiction });
        if (writer.full) {
          yield { ...writer.take(), contradictions };
          contradictions = [];
        }
      }
    }
    yield { ...writer.take(), contradictions };
  } finally {
    await client.end();
  }
}

await sendAll(readRecords(workerData as DatabaseSideTask), ({ records, locators }) => [records.buffer, locators.buffer]);
