/** Compares the file store with the postgres store, record by record and in both directions, and records the evidence. */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Client } from "pg";
import type { Reporter } from "../../cli/reporter.ts";
import type { Collection } from "../../collections/collection.ts";
import { beginSnapshot } from "../../postgres/snapshot.ts";
import { describeSchema } from "../../postgres/schema.ts";
import { describeChange, fingerprintFile } from "../fingerprint.ts";
import type { Fingerprint } from "../fingerprint.ts";
import { sourceChanged } from "../load/collection-loader.ts";
import { withLoadedDatabase } from "../loaded-database.ts";
import { findSources } from "../sources.ts";
import type { Source } from "../sources.ts";
import { listStoredCollections } from "../stored-collections.ts";
import { receive, Segments } from "../worker-stream.ts";
import { compareRecords } from "./compare-records.ts";
import type { Comparison } from "./compare-records.ts";
import { checkDatabase, checkPrivileges } from "./database-checks.ts";
import type { CheckResult } from "./database-checks.ts";
import type { Contradiction, DatabaseChunk } from "./database-side.ts";
import type { DatabaseSideTask } from "./database-worker.ts";
import { describeDifferences } from "./describe-differences.ts";
import type { Difference } from "./describe-differences.ts";
import { recordEvidence } from "./evidence.ts";
import type { Evidence } from "./evidence.ts";
import type { FileSideTask } from "./file-worker.ts";
import type { RecordChunk } from "./record-chunk.ts";

export interface VerifyOptions {
  url: string;
  dataDirectory: string;
  reporter: Reporter;
  signal: AbortSignal;
  /** Differences of each class and collection that are described in full. */
  maximumSamples: number;
}

export interface VerifyResult {
  ok: boolean;
  evidence: Evidence;
  evidencePath: string;
  differences: Difference[];
}

interface CollectionResult {
  collection: Collection;
  comparison: Comparison;
  contradictions: number;
  differences: Difference[];
}

/**
 * Verifies every collection that the directory or the database has.
 *
 * @throws OpsError `source-changed` when a file is written meanwhile, `broken-json`, `interrupted`, or the database's
 */
export async function verifyStores(options: VerifyOptions): Promise<VerifyResult> {
  const { url, dataDirectory, reporter } = options;
  const { sources } = await findSources(dataDirectory);
  return await withLoadedDatabase(url, "migrate verify", async (client) => {
    const at = new Date().toISOString();
    const before = await fingerprintAll(sources);
    const snapshot = await beginSnapshot(client);
    const collections = await listCollections(client, sources);
    const results = await compareAll(client, collections, sources, { ...options, snapshot });
    const checks = await reporter.step("validateIntegrity", async (note) => {
      await refuseChanges(sources, before);
      const found = [...(await checkDatabase(client)), await checkPrivileges(url)];
      const failed = found.filter(({ ok }) => !ok);
      note(failed.length === 0 ? `${found.length} checks hold` : `failed: ${failed.map(({ name }) => name).join(", ")}`);
      return found;
    });
    const evidence = await makeEvidence(client, at, before, results, checks);
    const evidencePath = await recordEvidence(dataDirectory, evidence);
    return { ok: evidence.ok, evidence, evidencePath, differences: results.flatMap(({ differences }) => differences) };
  });
}

/** Collections of the files and, so that nothing extra stays unseen, of the database. */
async function listCollections(client: Client, sources: Source[]): Promise<Collection[]> {
  const stored = await listStoredCollections(client);
  const files = sources.map(({ collection }) => collection);
  return [...files, ...stored.filter(({ name }) => files.every((collection) => collection.name !== name))];
}

/** Both sides run in threads of their own, through all collections; this one only compares what they send. */
async function compareAll(
  client: Client,
  collections: Collection[],
  sources: Source[],
  options: VerifyOptions & { snapshot: string },
): Promise<CollectionResult[]> {
  const paths = collections.map((collection) => sources.find((source) => source.collection.name === collection.name)?.path);
  const names = collections.map(({ name }) => name);
  await using fileSide = startFileSide({ paths });
  await using databaseSide = startDatabaseSide({ url: options.url, snapshot: options.snapshot, collections: names });
  const results: CollectionResult[] = [];
  for (const [i, collection] of collections.entries()) {
    const compare = () => compareCollection(client, collection, paths[i], fileSide, databaseSide, options);
    results.push(await options.reporter.step(`verify ${collection.name}`, async (note) => {
      const result = await compare();
      note(describeComparison(result.comparison, result.contradictions));
      return result;
    }));
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
  client: Client,
  collection: Collection,
  path: string | undefined,
  fileSide: Segments<RecordChunk>,
  databaseSide: Segments<DatabaseChunk>,
  { reporter, signal, maximumSamples }: VerifyOptions,
): Promise<CollectionResult> {
  const bar = reporter.progress(collection.name, { unit: "records" });
  const directory = await mkdtemp(join(tmpdir(), "lightningtalk-db-"));
  const contradictions: DatabaseChunk["contradictions"] = [];
  let done = 0;
  const onRecords = (count: number): void => {
    signal.throwIfAborted();
    bar.update((done += count));
  };
  try {
    const database = collectContradictions(databaseSide.next(), contradictions);
    const comparison = await compareRecords(fileSide.next(), database, { directory, maximumSamples, onRecords });
    const places = comparison.samples.toSorted((a, b) => (a.file ?? a.database!) - (b.file ?? b.database!));
    const differences = await describeDifferences(client, collection, path ?? "", places);
    const described = contradictions.slice(0, maximumSamples).map((found) => describeContradiction(collection, found));
    return { collection, comparison, contradictions: contradictions.length, differences: [...differences, ...described] };
  } finally {
    bar.finish("");
    await rm(directory, { recursive: true });
  }
}

async function* collectContradictions(
  chunks: AsyncIterable<DatabaseChunk>,
  contradictions: DatabaseChunk["contradictions"],
): AsyncGenerator<RecordChunk> {
  for await (const chunk of chunks) {
    contradictions.push(...chunk.contradictions);
    yield chunk;
  }
}

function describeContradiction(collection: Collection, { id, position, column }: Contradiction): Difference {
  const pointer = collection.kind === "typed" ? `/${collection.columns.find(({ name }) => name === column)!.field}` : "";
  const database = `the column ${column} holds another value than the document`;
  return { class: "contradiction", collection: collection.name, id, index: undefined, position, pointer, file: undefined, database };
}

function describeComparison({ fileRecords, databaseRecords, counts }: Comparison, contradictions: number): string {
  const total = Object.values(counts).reduce((sum, count) => sum + count, contradictions);
  if (total === 0) return `${fileRecords.toLocaleString("en-US")} records equal`;
  const found = Object.entries({ ...counts, contradictions }).filter(([, count]) => count > 0);
  return `${found.map(([name, count]) => `${count} ${name}`).join(", ")} (${fileRecords} records in the file, ${databaseRecords} in the database)`;
}

async function fingerprintAll(sources: Source[]): Promise<Fingerprint[]> {
  const fingerprints: Fingerprint[] = [];
  for (const { path } of sources) fingerprints.push(await fingerprintFile(path));
  return fingerprints;
}

async function refuseChanges(sources: Source[], before: Fingerprint[]): Promise<void> {
  for (const [i, { file, path }] of sources.entries()) {
    const change = describeChange(before[i]!, await fingerprintFile(path));
    if (change !== undefined) throw sourceChanged(file, change);
  }
}

async function makeEvidence(
  client: Client,
  at: string,
  files: Fingerprint[],
  results: CollectionResult[],
  checks: CheckResult[],
): Promise<Evidence> {
  const { rows } = await client.query<{ database: string }>(
    "select system_identifier || '/' || current_database() as database from pg_control_system()",
  );
  const { head } = await describeSchema(client);
  const collections = results.map(({ collection, comparison, contradictions }) => ({
    collection: collection.name,
    fileRecords: comparison.fileRecords,
    databaseRecords: comparison.databaseRecords,
    ...comparison.counts,
    contradictions,
  }));
  const equal = collections.every(({ missing, extra, different, moved, contradictions: wrong }) => missing + extra + different + moved + wrong === 0);
  const ok = equal && checks.every((check) => check.ok);
  return {
    at,
    ok,
    database: rows[0]!.database,
    schemaHead: head,
    files: Object.fromEntries(files.map(({ file, sha256 }) => [file, sha256])),
    collections,
    checks,
  };
}
