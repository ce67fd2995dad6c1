/** Turns windows of a JSON file into batches of COPY text. Runs in the encoder's worker thread. */

import { ElementFlag } from "../../json/array-scanner.ts";
import { brokenElement } from "../../json/array-reader.ts";
import type { ElementWindow } from "../../json/array-reader.ts";
import { escapeKey } from "../../json/escape.ts";
import { parseExact } from "../../json/value.ts";
import type { JsonObject, JsonValue } from "../../json/value.ts";
import { refuseDocument, tooDeepReason, toRow } from "../../collections/collection.ts";
import type { Collection } from "../../collections/collection.ts";
import { genericLine, settingsLine, typedLine } from "../../collections/copy-text.ts";
import { toSettingsRows } from "../../collections/settings.ts";

/** An element that cannot be a row, as the file spells it. */
export interface QuarantinedElement {
  /** Index in the array. */
  position: number;
  reason: string;
  text: string;
  sqlstate?: string;
}

/** Consecutive elements, ready for COPY. */
export interface Batch {
  /** COPY text, UTF-8. */
  copy: Uint8Array<ArrayBuffer>;
  /** Lines in `copy`. */
  rows: number;
  quarantined: QuarantinedElement[];
  /** Where the batch begins: end offset in the file and index behind the batch before. */
  start: { offset: number; index: number };
  /** The same, behind its last element. */
  end: { offset: number; index: number };
}

/** A batch is sent when its COPY text reaches this size. Larger ones save commits and cost memory and repeated work. */
export const defaultBatchBytes = 4 << 20;
/** Elements that are parsed by one call of JSON.parse, which halves its cost per element. */
const elementsPerParse = 64;
/** Room for what one group of elements may add before the next check: grown when a group is larger. */
const spareBytes = 1 << 20;

export class BatchEncoder {
  readonly #collection: Collection;
  readonly #path: string;
  readonly #batchBytes: number;
  #bytes: Buffer<ArrayBuffer>;
  #length = 0;
  #rows = 0;
  #quarantined: QuarantinedElement[] = [];
  #start: Batch["start"];
  #end: Batch["end"];

  /** @param batchBytes size of the COPY text at which a batch is sent */
  constructor(collection: Collection, path: string, start: Batch["start"], batchBytes = defaultBatchBytes) {
    this.#collection = collection;
    this.#path = path;
    this.#batchBytes = batchBytes;
    this.#bytes = Buffer.allocUnsafeSlow(batchBytes + spareBytes);
    this.#start = start;
    this.#end = start;
  }

  /**
   * Adds a window's elements; yields each batch that gets full.
   *
   * @throws OpsError `broken-json` at the first element that is no JSON
   */
  async *add(window: ElementWindow): AsyncGenerator<Batch> {
    const { count, flags, ends } = window.ranges;
    for (let at = 0; at < count;) {
      const next = flags[at] === 0 ? plainRunEnd(flags, at, count) : at + 1;
      this.#write(flags[at] === 0 ? await this.#encodeRun(window, at, next) : await this.#encodeFlagged(window, at));
      this.#end = { offset: window.base + ends[next - 1]!, index: window.firstIndex + next };
      at = next;
      if (this.#length >= this.#batchBytes) yield this.#take();
    }
  }

  /** The last, possibly empty batch. */
  finish(): Batch {
    return this.#take();
  }

  /** Elements without any oddity, parsed together. */
  async #encodeRun(window: ElementWindow, from: number, to: number): Promise<string> {
    const { starts, ends } = window.ranges;
    const text = window.bytes.toString("utf8", starts[from], ends[to - 1]);
    const documents = parseOrUndefined(`[${text}]`);
    if (documents === undefined) return await this.#encodeEach(window, from, to);
    const clean = !text.includes(escapeKey);
    let lines = "";
    for (let i = from; i < to; i += 1) lines += this.#encode(documents[i - from]!, window, i, clean);
    return lines;
  }

  /** Finds the element that JSON.parse refused in a run. */
  async #encodeEach(window: ElementWindow, from: number, to: number): Promise<string> {
    let lines = "";
    for (let i = from; i < to; i += 1) lines += await this.#encodeFlagged(window, i);
    return lines;
  }

  async #encodeFlagged(window: ElementWindow, i: number): Promise<string> {
    const start = window.ranges.starts[i]!;
    const text = elementText(window, i);
    try {
      const document = parseExact(text);
      if ((window.ranges.flags[i]! & ElementFlag.tooDeep) === 0) return this.#encode(document, window, i, false);
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      throw await brokenElement(this.#path, window.bytes.subarray(start, window.ranges.ends[i]), window.base + start);
    }
    return this.#quarantine(window, i, tooDeepReason);
  }

  /** The element's COPY lines; none when it goes to quarantine. */
  #encode(document: JsonValue, window: ElementWindow, i: number, clean: boolean): string {
    const collection = this.#collection;
    const position = window.firstIndex + i;
    if (collection.kind === "settings") return this.#encodeSettings(document, window, i);
    if (collection.kind === "generic") {
      const reason = refuseDocument(document, clean);
      if (reason !== undefined) return this.#quarantine(window, i, reason);
      this.#rows += 1;
      return genericLine(collection, (document as JsonObject)["id"] as string, position, document, clean);
    }
    const row = toRow(collection, document, clean);
    if ("reason" in row) return this.#quarantine(window, i, row.reason);
    this.#rows += 1;
    return typedLine(collection, row, position, clean);
  }

  #encodeSettings(document: JsonValue, window: ElementWindow, i: number): string {
    if (window.firstIndex + i > 0) {
      return this.#quarantine(window, i, "stands behind the first element, the only one that the application reads");
    }
    const rows = toSettingsRows(document);
    if ("reason" in rows) return this.#quarantine(window, i, rows.reason);
    this.#rows += rows.length;
    return rows.map((row, position) => settingsLine(row, position)).join("");
  }

  #quarantine(window: ElementWindow, i: number, reason: string): string {
    this.#quarantined.push({ position: window.firstIndex + i, reason, text: elementText(window, i) });
    return "";
  }

  #write(lines: string): void {
    // A UTF-16 code unit takes at most three bytes of UTF-8.
    const needed = this.#length + lines.length * 3;
    if (needed > this.#bytes.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(needed, this.#bytes.length * 2));
      this.#bytes.copy(larger, 0, 0, this.#length);
      this.#bytes = larger;
    }
    this.#length += this.#bytes.write(lines, this.#length, "utf8");
  }

  #take(): Batch {
    const copy = this.#bytes.subarray(0, this.#length) as Uint8Array<ArrayBuffer>;
    const batch = { copy, rows: this.#rows, quarantined: this.#quarantined, start: this.#start, end: this.#end };
    this.#bytes = Buffer.allocUnsafeSlow(this.#batchBytes + spareBytes);
    this.#length = 0;
    this.#rows = 0;
    this.#quarantined = [];
    this.#start = this.#end;
    return batch;
  }
}

function plainRunEnd(flags: Uint8Array, from: number, count: number): number {
  const limit = Math.min(from + elementsPerParse, count);
  let to = from + 1;
  while (to < limit && flags[to] === 0) to += 1;
  return to;
}

function elementText(window: ElementWindow, i: number): string {
  return window.bytes.toString("utf8", window.ranges.starts[i], window.ranges.ends[i]);
}

function parseOrUndefined(text: string): JsonValue[] | undefined {
  try {
    return JSON.parse(text) as JsonValue[];
  } catch {
    return undefined;
  }
}
