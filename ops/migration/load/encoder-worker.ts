/** The encoder's thread: reads the collections' files one after the other and sends their batches. */

import { createHash } from "node:crypto";
import { workerData } from "node:worker_threads";
import { collectionNamed } from "../../collections/registry.ts";
import { readElements } from "../../json/array-reader.ts";
import { sendAll } from "../worker-stream.ts";
import { BatchEncoder } from "./batch-encoder.ts";
import type { Encoded, EncoderTask } from "./encoder.ts";

async function* encodeAll(tasks: EncoderTask[]): AsyncGenerator<Encoded> {
  for (const task of tasks) yield* encode(task);
}

async function* encode({ path, collection, start }: EncoderTask): AsyncGenerator<Encoded> {
  const encoder = new BatchEncoder(collectionNamed(collection), path, start);
  const hash = createHash("sha256");
  const fromStart = start.offset === 0;
  const windows = readElements(path, fromStart ? { onBytes: (bytes) => hash.update(bytes) } : { from: start });
  for await (const window of windows) {
    for await (const batch of encoder.add(window)) yield { batch, last: false };
  }
  yield { batch: encoder.finish(), last: true, ...(fromStart ? { sha256: hash.digest("hex") } : {}) };
}

await sendAll(encodeAll(workerData as EncoderTask[]), ({ batch }) => [batch.copy.buffer]);
