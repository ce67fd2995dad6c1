/** Reads the documents of a file one after the other, all of it parsed. */

import { brokenElement, readElements } from "../../json/array-reader.ts";
import type { ElementWindow, ReadOptions } from "../../json/array-reader.ts";
import { ElementFlag } from "../../json/array-scanner.ts";
import { parseExact } from "../../json/value.ts";
import type { JsonValue } from "../../json/value.ts";

/** An element of the array. */
export interface ReadDocument {
  /** Index in the array. */
  index: number;
  /** Null for a document that is nested too deep: what looks into values would overflow the stack. */
  document: JsonValue;
  tooDeep: boolean;
  /** Bits of ElementFlag. */
  flags: number;
  /** Keys that the text spells out; more than the document has when one is repeated. */
  spelledKeys: number;
  /** The element as the file spells it; to be called before the next group is read. */
  text: () => string;
}

/** Elements that are parsed by one call of JSON.parse, which halves its cost per element. */
const elementsPerParse = 64;

/**
 * Yields the documents in groups.
 *
 * @throws OpsError `broken-json` with file, line and column of the first violation
 */
export async function* readDocuments(path: string, options: ReadOptions): AsyncGenerator<ReadDocument[]> {
  for await (const window of readElements(path, options)) {
    const { count, flags } = window.ranges;
    for (let at = 0; at < count;) {
      const next = flags[at] === 0 ? plainRunEnd(flags, at, count) : at + 1;
      yield (flags[at] === 0 ? parseRun(window, at, next) : undefined) ?? (await parseEach(path, window, at, next));
      at = next;
    }
  }
}

function plainRunEnd(flags: Uint8Array, from: number, count: number): number {
  const limit = Math.min(from + elementsPerParse, count);
  let to = from + 1;
  while (to < limit && flags[to] === 0) to += 1;
  return to;
}

/** Undefined when JSON.parse refuses one of them. */
function parseRun(window: ElementWindow, from: number, to: number): ReadDocument[] | undefined {
  const { starts, ends } = window.ranges;
  try {
    const documents = JSON.parse(`[${window.bytes.toString("utf8", starts[from], ends[to - 1])}]`) as JsonValue[];
    return documents.map((document, i) => describe(window, from + i, document, false));
  } catch {
    return undefined;
  }
}

async function parseEach(path: string, window: ElementWindow, from: number, to: number): Promise<ReadDocument[]> {
  const read: ReadDocument[] = [];
  for (let i = from; i < to; i += 1) {
    const start = window.ranges.starts[i]!;
    try {
      const document = parseExact(elementText(window, i));
      const tooDeep = (window.ranges.flags[i]! & ElementFlag.tooDeep) !== 0;
      read.push(describe(window, i, tooDeep ? null : document, tooDeep));
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      throw await brokenElement(path, window.bytes.subarray(start, window.ranges.ends[i]), window.base + start);
    }
  }
  return read;
}

function describe(window: ElementWindow, i: number, document: JsonValue, tooDeep: boolean): ReadDocument {
  const { flags, keys } = window.ranges;
  const text = (): string => elementText(window, i);
  return { index: window.firstIndex + i, document, tooDeep, flags: flags[i]!, spelledKeys: keys[i]!, text };
}

function elementText({ bytes, ranges }: ElementWindow, i: number): string {
  return bytes.toString("utf8", ranges.starts[i], ranges.ends[i]);
}
