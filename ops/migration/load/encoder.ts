/** The encoder as its receiver sees it: a file's batches, made in a thread of their own. */

import { receive } from "../worker-stream.ts";
import type { Batch } from "./batch-encoder.ts";

export interface EncoderTask {
  path: string;
  /** The collection's name. */
  collection: string;
  /** Where to begin: zeros, or where a progress row says that the last batch ended. */
  start: Batch["start"];
}

/** A batch; with the last one of a file that was read from its start, the hash of all its bytes. */
export interface Encoded {
  batch: Batch;
  sha256?: string;
}

/**
 * Reads and encodes a file in a worker thread, ahead of the consumer by a bounded number of batches.
 *
 * @throws OpsError of the reader, for example `broken-json`
 */
export function encodeFile(task: EncoderTask): AsyncGenerator<Encoded> {
  return receive<Encoded>(new URL("encoder-worker.ts", import.meta.url), task);
}
