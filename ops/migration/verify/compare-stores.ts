/** Compares collections one after the other, each side read in a thread of its own. */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Client } from "pg";
import type { Reporter } from "../../cli/reporter.ts";
import type { Collection } from "../../collections/collection.ts";
import { receive, Segments } from "../worker-stream.ts";
import { compareRecords } from "./compare-records.ts";
import type { Comparison } from "./compare-records.ts";
import type { Contradiction, DatabaseChunk } from "./database-side.ts";
import type { DatabaseSideTask } from "./database-worker.ts";
import { describeDifferences } from "./describe-differences.ts";
import type { Difference } from "./describe-differences.ts";
import type { FileSideTask } from "./file-worker.ts";
import type { RecordChunk } from "./record-chunk.ts";

export interface CompareStoresOptions {
  client: Client;
  url: string;
  /** The exported snapshot of the client's transaction. */
  snapshot: string;
  reporter: Reporter;
  signal: AbortSignal;
  /** Differences of each class and collection that are described in full. */
  maximumSamples: number;
}

export interface ComparedCollection {
  collection: Collection;
  comparison: Comparison;
  contradictions: number;
  differences: Difference[];
  /** Hash of the bytes of the file that were compared; undefined without a file. */
  sha256: string | undefined;
}

/** A collection and its file; without a path it has no records on that side. */
export interface ComparedSource {
  collection: Collection;
  path: string | undefined;
}

interface Sides {
  file: Segments<RecordChunk>;
  database: Segments<DatabaseChunk>;
}

/**
 * Compares every collection of the list.
 *
 * @throws OpsError `broken-json`, `interrupted`, or the database's
 */
export async function compareStores(
  sources: ComparedSource[],
  options: CompareStoresOptions,
): Promise<ComparedCollection[]> {
  await using file = startFileSide({
    files: sources.map(({ collection, path }) => ({ path, byPlace: collection.kind === "settings" })),
  });
  const collections = sources.map(({ collection }) => collection.name);
  await using database = startDatabaseSide({ url: options.url, snapshot: options.snapshot, collections });
  const results: ComparedCollection[] = [];
  for (const source of sources) {
    const result = await options.reporter.step(`verify ${source.collection.name}`, async (note) => {
      const compared = await compareCollection(source, { file, database }, options);
      note(describeComparison(compared));
      return compared;
    });
    results.push(result);
  }
  return results;
}

function startFileSide(task: FileSideTask): Segments<RecordChunk> {
  return new Segments(receive<RecordChunk>(new URL("file-worker.ts", import.meta.url), task));
}

function startDatabaseSide(task: DatabaseSideTask): Segments<DatabaseChunk> {
  return new Segments(receive<DatabaseChunk>(new URL("database-worker.ts", import.meta.url), task));
}

async function compareCollection(
  { collection, path }: ComparedSource,
  sides: Sides,
  options: CompareStoresOptions,
): Promise<ComparedCollection> {
  const { client, maximumSamples, reporter, signal } = options;
  const bar = reporter.progress(collection.name, { unit: "records" });
  const directory = await mkdtemp(join(tmpdir(), "lightningtalk-db-"));
  const contradictions: Contradiction[] = [];
  let sha256: string | undefined;
  let done = 0;
  const file = tap(sides.file.next(), (chunk) => (sha256 ??= chunk.sha256));
  const database = tap(sides.database.next(), (chunk) => contradictions.push(...chunk.contradictions));
  const onRecords = (count: number): void => {
    signal.throwIfAborted();
    bar.update((done += count));
  };
  try {
    const comparison = await compareRecords(file, database, { directory, maximumSamples, onRecords });
    const places = comparison.samples.toSorted((a, b) => (a.file ?? a.database!) - (b.file ?? b.database!));
    const differences = await describeDifferences(client, collection, path ?? "", places);
    const described = contradictions.slice(0, maximumSamples).map((found) => describeContradiction(collection, found));
    return {
      collection,
      comparison,
      contradictions: contradictions.length,
      differences: [...differences, ...described],
      sha256,
    };
  } finally {
    bar.clear();
    await rm(directory, { recursive: true });
  }
}

/** Lets somebody look at each value on its way. */
async function* tap<T>(values: AsyncIterable<T>, look: (value: T) => void): AsyncGenerator<T> {
  for await (const value of values) {
    look(value);
    yield value;
  }
}

function describeContradiction(collection: Collection, { id, position, column }: Contradiction): Difference {
  const mapped = collection.kind === "typed" ? collection.columns.find(({ name }) => name === column) : undefined;
  const pointer = `/${mapped?.field ?? column}`;
  const database = `the column ${column} holds another value than the document`;
  return {
    class: "contradiction",
    collection: collection.name,
    id,
    index: undefined,
    position,
    pointer,
    file: undefined,
    database,
  };
}

function describeComparison({ comparison, contradictions }: ComparedCollection): string {
  const { fileRecords, databaseRecords, counts } = comparison;
  const total = Object.values(counts).reduce((sum, count) => sum + count, contradictions);
  if (total === 0) return `${fileRecords.toLocaleString("en-US")} records equal`;
  const found = Object.entries({ ...counts, contradictions }).filter(([, count]) => count > 0);
  return `${found.map(([name, count]) => `${count} ${name}`).join(", ")} (${fileRecords} records in the file, ${databaseRecords} in the database)`;
}
