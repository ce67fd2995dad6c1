/** Loads one collection's file into its table, batch by batch, each batch with its progress row in one transaction. */

import { join } from "node:path";
import type { Client } from "pg";
import type { Collection } from "../../collections/collection.ts";
import { OpsError } from "../../errors.ts";
import { copyIn } from "../../postgres/copy.ts";
import { sqlState } from "../../postgres/database-error.ts";
import { commit, withTransaction } from "../../postgres/transaction.ts";
import type { Fingerprint } from "../fingerprint.ts";
import type { Batch, QuarantinedElement } from "./batch-encoder.ts";
import { copyTarget } from "./copy-target.ts";
import { readElementTexts } from "./element-texts.ts";
import type { Encoded, EncoderTask } from "./encoder.ts";
import { advanceProgress, beginProgress } from "./load-progress.ts";
import type { LoadProgress } from "./load-progress.ts";
import { explainReadFailure, refuseOtherBytes, sourceChanged } from "./source-changed.ts";
import { loadStaged } from "./staged-batch.ts";
import type { StagedResult } from "./staged-batch.ts";
import { isEmpty, restoreConstraints, suspendConstraints } from "./suspended-constraints.ts";

export { sourceChanged } from "./source-changed.ts";

export interface LoadOptions {
  client: Client;
  collection: Collection;
  /** Directory of the JSON files. */
  directory: string;
  source: Fingerprint;
  /** Where to go on: the recorded progress, or `emptyProgress`. */
  progress: LoadProgress;
  /** The encoder's segment for `encoderTask`. */
  batches: AsyncIterable<Encoded>;
  /** Aborted by Ctrl-C: loading stops between two batches. */
  signal: AbortSignal;
  onProgress: (progress: LoadProgress) => void;
  /** Size of COPY text at which a batch is sent; absent: the encoder's own. */
  batchBytes?: number | undefined;
}

/** What the encoder has to do for a load. */
export function encoderTask({
  collection,
  directory,
  source,
  progress,
  batchBytes,
}: Omit<LoadOptions, "client" | "batches" | "signal" | "onProgress">): EncoderTask {
  const start = { offset: progress.byteOffset, index: progress.elements };
  return { path: join(directory, source.file), collection: collection.name, start, batchBytes };
}

/**
 * Loads what `progress` says is still to do.
 *
 * A batch that violates a constraint takes the slow way; so does the next one after it, because damage comes in
 * clusters, until a batch needs none of it.
 *
 * @returns the final progress, complete and durable
 * @throws OpsError `source-changed` when the bytes read are not the fingerprinted ones, `interrupted` after Ctrl-C,
 *   `progress-moved` when another run loads the same collection
 */
export async function loadCollection(options: LoadOptions): Promise<LoadProgress> {
  await beginLoad(options);
  try {
    return await completeLoad(options, await loadBatches(options));
  } catch (error) {
    throw await explainReadFailure(options, error);
  }
}

async function loadBatches(options: LoadOptions): Promise<LoadProgress> {
  let { progress } = options;
  let staged = false;
  for await (const { batch, sha256 } of options.batches) {
    refuseWhenInterrupted(options, progress);
    if (sha256 !== undefined) refuseOtherBytes(options.source, sha256);
    ({ progress, staged } = await writeBatch(options, progress, batch, staged));
    options.onProgress(progress);
  }
  refuseWhenInterrupted(options, progress);
  return progress;
}

async function writeBatch(
  options: LoadOptions,
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
async function tryFast(options: LoadOptions, progress: LoadProgress, batch: Batch): Promise<LoadProgress | undefined> {
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
  options: LoadOptions,
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
  options: LoadOptions,
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

/** The first load of an empty table suspends what can be built faster at the end. */
async function beginLoad({ client, collection, progress }: LoadOptions): Promise<void> {
  if (progress.elements > 0) return;
  await withTransaction(client, async () => {
    if (collection.kind === "typed" && (await isEmpty(client, collection)))
      await suspendConstraints(client, collection);
    await beginProgress(client, progress);
  });
}

/**
 * Builds what was suspended, sets the sequence behind the last position, marks the collection as loaded, and waits until
 * all of it is on disk.
 */
async function completeLoad({ client, collection }: LoadOptions, progress: LoadProgress): Promise<LoadProgress> {
  return await withTransaction(client, async () => {
    await client.query("set local synchronous_commit = on");
    const damage =
      collection.kind === "typed" ? await restoreConstraints(client, collection) : { orphans: 0, duplicates: 0 };
    await client.query(
      `select setval(pg_get_serial_sequence($1, 'position'), greatest($2::bigint, (select max(position) from ${collection.table})) + 1, false)`,
      [collection.table, progress.elements],
    );
    const { orphans, duplicates } = progress;
    const complete = {
      ...progress,
      orphans: orphans + damage.orphans,
      duplicates: duplicates + damage.duplicates,
      complete: true,
    };
    await advanceProgress(client, progress, complete);
    return complete;
  });
}

function refuseWhenInterrupted({ signal, collection }: LoadOptions, progress: LoadProgress): void {
  if (!signal.aborted) return;
  throw new OpsError(
    "interrupted",
    `Stopped after ${progress.elements} documents of ${collection.name}, all of them committed.`,
    {
      hint: "Go on with the same command: npx zx ops/migrate.mjs execute",
      cause: signal.reason,
    },
  );
}
