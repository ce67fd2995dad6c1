/** What the two sides of a comparison send: for each record a key, a hash and where to find it again. */

import { isTooDeep } from "../../collections/collection.ts";
import { isJsonObject } from "../../json/value.ts";
import type { JsonValue } from "../../json/value.ts";
import { canonicalForm, hashForm } from "./canonical.ts";

/** Bytes of one record in `records`: 8 of key, 32 of hash. */
export const recordBytes = 40;
export const keyBytes = 8;
const recordsPerChunk = 4096;
/** Records that may be added between two looks at `full`. */
export const recordsPerRun = 64;

export interface RecordChunk {
  /** The last chunk of its collection. */
  last: boolean;
  /** With the last chunk of a file: the hash of all the bytes that were compared. */
  sha256?: string;
  count: number;
  /** `count` × (key, SHA-256 of the canonical form), in the order of the store. */
  records: Uint8Array<ArrayBuffer>;
  /** Per record: the element's index in the file, or the row's position in the database. */
  locators: Float64Array<ArrayBuffer>;
}

/** Collects records into chunks. */
export class ChunkWriter {
  readonly #byPlace: boolean;
  #records = Buffer.allocUnsafeSlow(recordsPerChunk * recordBytes);
  #locators = new Float64Array(recordsPerChunk);
  #count = 0;

  /** @param byPlace true for documents that have no ids: the ones at the same place belong together */
  constructor(byPlace = false) {
    this.#byPlace = byPlace;
  }

  /**
   * Adds one record.
   *
   * @param document its value
   * @param wellFormed as for `hashForm`
   * @param text its JSON text, wanted only for a value too deep to walk, which is compared by its text
   */
  add(document: JsonValue, locator: number, wellFormed: boolean, text?: string): void {
    const hashed = hashForm(text === undefined ? canonicalForm(document) : `d${text}`, wellFormed);
    const at = this.#count * recordBytes;
    if (this.#byPlace) this.#records.writeDoubleBE(locator, at);
    else this.#writeKey(document, hashed, at);
    this.#records.write(hashed, at + keyBytes, "latin1");
    this.#locators[this.#count] = locator;
    this.#count += 1;
  }

  /** True when fewer than `recordsPerRun` places are left. */
  get full(): boolean {
    return this.#count > recordsPerChunk - recordsPerRun;
  }

  /** Hands over what was collected. */
  take(last = false): RecordChunk {
    const chunk = {
      last,
      count: this.#count,
      records: this.#records as Uint8Array<ArrayBuffer>,
      locators: this.#locators,
    };
    this.#records = Buffer.allocUnsafeSlow(recordsPerChunk * recordBytes);
    this.#locators = new Float64Array(recordsPerChunk);
    this.#count = 0;
    return chunk;
  }

  /**
   * Records of the two stores belong together when they have the same id; without one, when they are equal. The key need
   * not be unique: records whose keys clash are told apart by their hashes.
   */
  #writeKey(document: JsonValue, hashed: string, at: number): void {
    const id = isJsonObject(document) && Object.hasOwn(document, "id") ? document["id"] : undefined;
    if (typeof id !== "string" || id === "") {
      this.#records.write(hashed.slice(0, keyBytes), at, "latin1");
      return;
    }
    let low = 0xdeadbeef;
    let high = 0x41c6ce57;
    for (let i = 0; i < id.length; i += 1) {
      const code = id.charCodeAt(i);
      low = Math.imul(low ^ code, 0x9e3779b1);
      high = Math.imul(high ^ code, 0x5f356495);
    }
    this.#records.writeInt32LE(low ^ (high >>> 15), at);
    this.#records.writeInt32LE(high ^ (low >>> 13), at + 4);
  }
}

/** A document and, when it is too deep to walk, its text: the arguments of `ChunkWriter.add`. */
export function comparable(document: JsonValue, text: string): { document: JsonValue; text?: string } {
  return isTooDeep(document) ? { document, text } : { document };
}
