/** The postgres store's side of a comparison: a record for each row of a collection. */

import type { Client } from "pg";
import type { Collection } from "../../collections/collection.ts";
import { idOf } from "./describe-differences.ts";
import { readStoredDocuments } from "./database-records.ts";
import type { StoredDocument } from "./database-records.ts";
import { ChunkWriter, comparable } from "./record-chunk.ts";
import type { RecordChunk } from "./record-chunk.ts";

/** A row with a column that contradicts its document. */
export interface Contradiction {
  /** The document's id. */
  id: string | undefined;
  position: number;
  column: string;
}

/** A chunk of records, and the contradictions in it. */
export interface DatabaseChunk extends RecordChunk {
  contradictions: Contradiction[];
}

/**
 * Reads every row and every quarantined document of a collection.
 *
 * @param client its session's time zone is UTC
 */
export async function* readDatabaseRecords(client: Client, collection: Collection): AsyncGenerator<DatabaseChunk> {
  const writer = new ChunkWriter(collection.kind === "settings");
  let contradictions: Contradiction[] = [];
  for await (const group of readStoredDocuments(client, collection)) {
    for (const stored of group) {
      addRecord(writer, stored);
      if (stored.contradiction !== undefined) contradictions.push(describe(stored, stored.contradiction));
      if (writer.full) {
        yield { ...writer.take(), contradictions };
        contradictions = [];
      }
    }
  }
  yield { ...writer.take(true), contradictions };
}

function addRecord(writer: ChunkWriter, { document, position, text, escaped }: StoredDocument): void {
  const record = text === undefined ? { document } : comparable(document, text);
  writer.add(record.document, position, !escaped, record.text);
}

function describe({ document, position }: StoredDocument, column: string): Contradiction {
  return { id: idOf(document), position, column };
}
