/** The encoder as its receiver sees it: the files' batches, made in a thread of their own. */

import { receive, Segments } from "../worker-stream.ts";
import type { Batch } from "./batch-encoder.ts";

export interface EncoderTask {
  path: string;
  /** The collection's name. */
  collection: string;
  /** Where to begin: zeros, or where a progress row says that the last batch ended. */
  start: Batch["start"];
  /** Size of COPY text at which a batch is sent; absent: the encoder's own. */
  batchBytes?: number | undefined;
}

/** A batch; with the last one of a file, the hash of all its bytes as they were read. */
export interface Encoded {
  batch: Batch;
  last: boolean;
  sha256?: string;
}

/**
 * Reads and encodes files in a worker thread, ahead of the consumer by a bounded number of batches.
 *
 * @returns a segment of batches for each task, in order; reading one throws the reader's OpsError, for example `broken-json`
 */
export function encodeFiles(tasks: EncoderTask[]): Segments<Encoded> {
  return new Segments(receive<Encoded>(new URL("encoder-worker.ts", import.meta.url), tasks));
}
