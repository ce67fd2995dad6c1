import { hash } from "node:crypto";

const initialSlots = 1 << 12;
const fullAt = 0.7;
/** Per slot: 96 bits of the key's hash, and its number + 1, where 0 means an empty slot. */
const words = 4;

/**
 * Remembers texts in 16 bytes each, however long they are: four million ids take 128 MiB, where a Set of strings takes
 * several hundred. Two different texts count as one when 96 bits of their SHA-256 agree, which does not happen.
 */
export class SeenKeys {
  #table = new Uint32Array(initialSlots * words);
  #mask = initialSlots - 1;
  #size = 0;

  /**
   * Remembers `key` under `number` unless it is there already.
   *
   * @param number from 0 to 2^32 - 2
   * @returns the number that the key has been remembered under before, undefined when it is new
   */
  add(key: string, number: number): number | undefined {
    const digest = digestOf(key);
    const at = this.#find(digest);
    const found = this.#table[at + 3]!;
    if (found !== 0) return found - 1;
    this.#write(at, digest[0]!, digest[1]!, digest[2]!, number + 1);
    this.#size += 1;
    if (this.#size > fullAt * (this.#mask + 1)) this.#grow();
    return undefined;
  }

  has(key: string): boolean {
    return this.#table[this.#find(digestOf(key)) + 3] !== 0;
  }

  /** Offset of the slot that has the digest, or of the empty one where it belongs. */
  #find(digest: Uint32Array): number {
    const table = this.#table;
    for (let slot = digest[0]! & this.#mask; ; slot = (slot + 1) & this.#mask) {
      const at = slot * words;
      if (table[at + 3] === 0) return at;
      if (table[at] === digest[0] && table[at + 1] === digest[1] && table[at + 2] === digest[2]) return at;
    }
  }

  #write(at: number, first: number, second: number, third: number, numbered: number): void {
    const table = this.#table;
    table[at] = first;
    table[at + 1] = second;
    table[at + 2] = third;
    table[at + 3] = numbered;
  }

  #grow(): void {
    const old = this.#table;
    this.#table = new Uint32Array(old.length * 2);
    this.#mask = this.#table.length / words - 1;
    for (let at = 0; at < old.length; at += words) {
      if (old[at + 3] === 0) continue;
      this.#write(this.#find(old.subarray(at, at + 3)), old[at]!, old[at + 1]!, old[at + 2]!, old[at + 3]!);
    }
  }
}

const digestWords = new Uint32Array(3);

/** Valid until the next call. */
function digestOf(key: string): Uint32Array {
  // As text, a byte per character: a Buffer for each of millions of keys costs more time and memory.
  const bytes = hash("sha256", key, "binary");
  for (let word = 0; word < 3; word += 1) digestWords[word] = readWord(bytes, word * 4);
  return digestWords;
}

function readWord(bytes: string, at: number): number {
  return (
    bytes.charCodeAt(at) |
    (bytes.charCodeAt(at + 1) << 8) |
    (bytes.charCodeAt(at + 2) << 16) |
    (bytes.charCodeAt(at + 3) << 24)
  );
}
