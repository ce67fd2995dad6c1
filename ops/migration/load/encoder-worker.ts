/** The encoder's thread: reads the collections' files one after the other and sends their batches. */

import { createHash } from "node:crypto";
import type { Hash } from "node:crypto";
import { createReadStream } from "node:fs";
import { workerData } from "node:worker_threads";
import { collectionNamed } from "../../collections/registry.ts";
import { readElements } from "../../json/array-reader.ts";
import { sendAll } from "../worker-stream.ts";
import { BatchEncoder } from "./batch-encoder.ts";
import type { Encoded, EncoderTask } from "./encoder.ts";

async function* encodeAll(tasks: EncoderTask[]): AsyncGenerator<Encoded> {
  for (const task of tasks) yield* encode(task);
}

async function* encode({ path, collection, start, batchBytes }: EncoderTask): AsyncGenerator<Encoded> {
  const encoder = new BatchEncoder(collectionNamed(collection), path, start, batchBytes);
  const hash = createHash("sha256");
  const fromStart = start.offset === 0;
  if (!fromStart) await hashPrefix(path, start.offset, hash);
  const windows = readElements(path, { onBytes: (bytes) => hash.update(bytes), ...(fromStart ? {} : { from: start }) });
  for await (const window of windows) {
    for await (const batch of encoder.add(window)) yield { batch, last: false };
  }
  yield { batch: encoder.finish(), last: true, sha256: hash.digest("hex") };
}

/** A run that goes on in the middle reads the loaded part for its hash alone: it must see that the whole file is the same. */
async function hashPrefix(path: string, length: number, hash: Hash): Promise<void> {
  for await (const bytes of createReadStream(path, { end: length - 1, highWaterMark: 1 << 20 }))
    hash.update(bytes as Buffer);
}

await sendAll(encodeAll(workerData as EncoderTask[]), ({ batch }) => [batch.copy.buffer]);
