/** Writes one batch with its progress row in one transaction. */

import { join } from "node:path";
import type { Client } from "pg";
import type { Collection } from "../../collections/collection.ts";
import { copyIn } from "../../postgres/copy.ts";
import { sqlState } from "../../postgres/database-error.ts";
import { commit } from "../../postgres/transaction.ts";
import type { Fingerprint } from "../fingerprint.ts";
import type { Batch, QuarantinedElement } from "./batch-encoder.ts";
import { copyTarget } from "./copy-target.ts";
import { readElementTexts } from "./element-texts.ts";
import { advanceProgress } from "./load-progress.ts";
import type { LoadProgress } from "./load-progress.ts";
import { sourceChanged } from "./source-changed.ts";
import { loadStaged } from "./staged-batch.ts";
import type { StagedResult } from "./staged-batch.ts";

export interface WriteOptions {
  client: Client;
  collection: Collection;
  /** Directory of the JSON files. */
  directory: string;
  source: Fingerprint;
}

/**
 * Writes a batch: straight into the table, or, when `staged` or when a constraint is violated, the slow way.
 *
 * @returns the progress that was committed, and whether the batch had any damage
 * @throws OpsError `progress-moved`, `source-changed`, or the database's
 */
export async function writeBatch(
  options: WriteOptions,
  progress: LoadProgress,
  batch: Batch,
  staged: boolean,
): Promise<{ progress: LoadProgress; staged: boolean }> {
  if (!staged) {
    const fast = await tryFast(options, progress, batch);
    if (fast !== undefined) return { progress: fast, staged: false };
  }
  const { client, collection } = options;
  await beginBatch(client);
  try {
    const result = await loadStaged(client, collection, batch.copy);
    const next = await recordBatch(options, progress, batch, result);
    return { progress: next, staged: result.refused.length + result.orphans + result.duplicates > 0 };
  } catch (error) {
    await rollback(client);
    throw error;
  }
}

const untouched: StagedResult = { refused: [], orphans: 0, duplicates: 0 };

/** COPY straight into the table; undefined when a constraint is violated. */
async function tryFast(options: WriteOptions, progress: LoadProgress, batch: Batch): Promise<LoadProgress | undefined> {
  const { client, collection } = options;
  const { table, columns } = copyTarget(collection);
  await beginBatch(client);
  try {
    if (batch.rows > 0) await copyIn(client, `${table} (${columns.join(", ")})`, batch.copy);
    return await recordBatch(options, progress, batch, untouched);
  } catch (error) {
    await rollback(client);
    if (/^(22|23|54)/.test(sqlState(error) ?? "")) return undefined;
    throw error;
  }
}

/**
 * A batch's commit need not wait for the disk: rows and progress row are in one transaction, so a server crash loses
 * both or none, and the run that follows goes on from what is there. `completeLoad` waits for all of it.
 */
async function beginBatch(client: Client): Promise<void> {
  await client.query("begin; set local synchronous_commit = off");
}

async function rollback(client: Client): Promise<void> {
  // On a broken connection the rollback fails as well; the server has done it by itself, and the first error tells more.
  await client.query("rollback").catch(() => undefined);
}

async function recordBatch(
  options: WriteOptions,
  progress: LoadProgress,
  batch: Batch,
  result: StagedResult,
): Promise<LoadProgress> {
  const { client, collection } = options;
  const quarantined = [...batch.quarantined, ...(await refusedElements(options, batch, result))];
  await writeQuarantine(client, collection.name, quarantined);
  const next: LoadProgress = {
    ...progress,
    elements: batch.end.index,
    byteOffset: batch.end.offset,
    documents: progress.documents + (batch.end.index - batch.start.index) - quarantined.length,
    quarantined: progress.quarantined + quarantined.length,
    orphans: progress.orphans + result.orphans,
    duplicates: progress.duplicates + result.duplicates,
  };
  await advanceProgress(client, progress, next);
  await commit(client);
  return next;
}

async function refusedElements(
  options: WriteOptions,
  batch: Batch,
  result: StagedResult,
): Promise<QuarantinedElement[]> {
  if (result.refused.length === 0) return [];
  const path = join(options.directory, options.source.file);
  const texts = await readElementTexts(path, batch.start, new Set(result.refused.map(({ position }) => position)));
  return result.refused.map((row) => {
    const text = texts.get(row.position);
    if (text === undefined) throw sourceChanged(options.source.file, `element ${row.position} is not there any more`);
    return { ...row, text };
  });
}

async function writeQuarantine(client: Client, collection: string, elements: QuarantinedElement[]): Promise<void> {
  if (elements.length === 0) return;
  await client.query(
    `insert into ops.quarantine (collection, position, reason, sqlstate, document)
     select $1, position, reason, sqlstate, document
       from unnest($2::bigint[], $3::text[], $4::text[], $5::text[]) as q (position, reason, sqlstate, document)`,
    [
      collection,
      elements.map(({ position }) => position),
      elements.map(({ reason }) => reason),
      elements.map(({ sqlstate }) => sqlstate ?? null),
      elements.map(({ text }) => text),
    ],
  );
}
