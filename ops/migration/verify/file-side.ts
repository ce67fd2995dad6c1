/** The file store's side of a comparison: a record for each element of a collection's file. */

import { createHash } from "node:crypto";
import { ElementFlag } from "../../json/array-scanner.ts";
import { brokenElement, readElements } from "../../json/array-reader.ts";
import type { ElementWindow } from "../../json/array-reader.ts";
import { parseExact } from "../../json/value.ts";
import type { JsonValue } from "../../json/value.ts";
import { ChunkWriter, comparable, recordsPerRun } from "./record-chunk.ts";
import type { RecordChunk } from "./record-chunk.ts";

/**
 * Reads every element of the file.
 *
 * @param byPlace as for ChunkWriter
 * @throws OpsError `broken-json`
 */
export async function* readFileRecords(path: string, byPlace = false): AsyncGenerator<RecordChunk> {
  const writer = new ChunkWriter(byPlace);
  const hash = createHash("sha256");
  for await (const window of readElements(path, { onBytes: (bytes) => hash.update(bytes) })) {
    for (let at = 0; at < window.ranges.count;) {
      const to = Math.min(at + recordsPerRun, window.ranges.count);
      await addRun(writer, window, at, to, path);
      at = to;
      if (writer.full) yield writer.take();
    }
  }
  yield { ...writer.take(true), sha256: hash.digest("hex") };
}

/** Elements without oddities are parsed together: one call of JSON.parse for a run costs half as much. */
async function addRun(
  writer: ChunkWriter,
  window: ElementWindow,
  from: number,
  to: number,
  path: string,
): Promise<void> {
  const { starts, ends, flags } = window.ranges;
  let plain = true;
  for (let i = from; i < to; i += 1) plain &&= flags[i] === 0;
  const documents = plain ? parseTogether(window.bytes.toString("utf8", starts[from], ends[to - 1])) : undefined;
  for (let i = from; i < to; i += 1) {
    const locator = window.firstIndex + i;
    if (documents !== undefined) {
      // Without a \\u escape, well-formed UTF-8 holds no lone surrogate.
      writer.add(documents[i - from]!, locator, true);
      continue;
    }
    const text = window.bytes.toString("utf8", starts[i], ends[i]);
    const document = await parseElement(text, window.base + starts[i]!, path);
    const deep = (flags[i]! & ElementFlag.tooDeep) !== 0;
    const record = deep ? comparable(document, text) : { document };
    writer.add(record.document, locator, false, record.text);
  }
}

function parseTogether(elements: string): JsonValue[] | undefined {
  try {
    return JSON.parse(`[${elements}]`) as JsonValue[];
  } catch {
    return undefined;
  }
}

async function parseElement(text: string, offset: number, path: string): Promise<JsonValue> {
  try {
    return parseExact(text);
  } catch (error) {
    if (error instanceof SyntaxError) throw await brokenElement(path, Buffer.from(text), offset);
    throw error;
  }
}
