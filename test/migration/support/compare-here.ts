import { tmpdir } from "node:os";
import type { Client } from "pg";
import type { Collection } from "../../../ops/collections/collection.ts";
import { compareRecords } from "../../../ops/migration/verify/compare-records.ts";
import type { Comparison } from "../../../ops/migration/verify/compare-records.ts";
import { readDatabaseRecords } from "../../../ops/migration/verify/database-side.ts";
import type { Contradiction } from "../../../ops/migration/verify/database-side.ts";
import { describeDifferences } from "../../../ops/migration/verify/describe-differences.ts";
import type { Difference } from "../../../ops/migration/verify/describe-differences.ts";
import { readFileRecords } from "../../../ops/migration/verify/file-side.ts";
import type { RecordChunk } from "../../../ops/migration/verify/record-chunk.ts";

export interface Compared {
  comparison: Comparison;
  differences: Difference[];
  contradictions: Contradiction[];
}

/**
 * Compares one collection as the verifier does, without its threads and inside the client's transaction.
 *
 * @param path the collection's file
 */
export async function compareHere(client: Client, collection: Collection, path: string): Promise<Compared> {
  const contradictions: Contradiction[] = [];
  async function* databaseSide(): AsyncGenerator<RecordChunk> {
    for await (const chunk of readDatabaseRecords(client, collection)) {
      contradictions.push(...chunk.contradictions);
      yield chunk;
    }
  }
  const fileSide = readFileRecords(path, collection.kind === "settings");
  const comparison = await compareRecords(fileSide, databaseSide(), { directory: tmpdir(), maximumSamples: 3 });
  const differences = await describeDifferences(client, collection, path, comparison.samples);
  return { comparison, differences, contradictions };
}
