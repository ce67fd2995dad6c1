/** Loads one collection's file into its table, batch by batch, each batch with its progress row in one transaction. */

import { join } from "node:path";
import { OpsError } from "../../errors.ts";
import { withTransaction } from "../../postgres/transaction.ts";
import type { Encoded, EncoderTask } from "./encoder.ts";
import { advanceProgress, beginProgress } from "./load-progress.ts";
import type { LoadProgress } from "./load-progress.ts";
import { explainReadFailure, refuseOtherBytes } from "./source-changed.ts";
import { isEmpty, restoreConstraints, suspendConstraints } from "./suspended-constraints.ts";
import { writeBatch } from "./write-batch.ts";
import type { WriteOptions } from "./write-batch.ts";

export interface LoadOptions extends WriteOptions {
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
    // Gives the memory back now: left to the collector, batches pile up the longer a load runs.
    batch.copy.buffer.transfer(0);
    options.onProgress(progress);
  }
  refuseWhenInterrupted(options, progress);
  return progress;
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
