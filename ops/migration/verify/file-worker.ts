/** The thread that reads the file store's side of a comparison. */

import { workerData } from "node:worker_threads";
import { sendAll } from "../worker-stream.ts";
import { readFileRecords } from "./file-side.ts";
import { ChunkWriter } from "./record-chunk.ts";
import type { RecordChunk } from "./record-chunk.ts";

export interface FileSideTask {
  /** A file per collection; no path for a collection that has none, and so no records on this side. */
  files: { path: string | undefined; byPlace: boolean }[];
}

async function* readAll({ files }: FileSideTask): AsyncGenerator<RecordChunk> {
  for (const { path, byPlace } of files) {
    if (path === undefined) yield new ChunkWriter().take(true);
    else yield* readFileRecords(path, byPlace);
  }
}

await sendAll(readAll(workerData as FileSideTask), ({ records, locators }) => [records.buffer, locators.buffer]);
