/**
 * Splits the bytes of a JSON file that holds one array into the byte ranges of its elements, without parsing them.
 *
 * The scanner knows strings, nesting and the commas between elements; whether an element itself is valid JSON is for
 * JSON.parse to say. It keeps its state between calls, so a file of any size is read through a small window.
 */

/** What the scanner saw inside an element, as bits of `flags`. */
export const ElementFlag = {
  /** A number that a double may not hold exactly, or minus zero: parse it with `parseExact`. */
  number: 1,
  /** A \u escape: strings may hold NUL or lone surrogates, which PostgreSQL refuses. */
  unicodeEscape: 2,
  /** Nested deeper than `maximumDepth`. */
  tooDeep: 4,
  /** A key spelled with an escape, which JSON.parse may mistake: parse it with `parseExact` (see escaped-keys.ts). */
  escapedKey: 8,
} as const;

/** Deeper documents stay text: recursive readers (JSON.stringify, jsonb) would overflow their stacks on them. */
export const maximumDepth = 1000;

/** A violation of JSON's grammar between elements, at a byte offset of the file. */
export class ArraySyntaxError extends Error {
  readonly offset: number;

  constructor(message: string, offset: number) {
    super(message);
    this.offset = offset;
  }
}

/** Complete elements of one window: `starts[i]` (inclusive) and `ends[i]` (exclusive) are offsets in the window. */
export interface ElementRanges {
  count: number;
  starts: Int32Array;
  ends: Int32Array;
  flags: Uint8Array;
  /** Colons outside strings, per element: the number of keys that the text spells out. */
  keys: Int32Array;
}

const Phase = { beforeArray: 0, first: 1, element: 2, afterElement: 3, nextElement: 4, afterArray: 5 } as const;
type Phase = (typeof Phase)[keyof typeof Phase];

const quote = 0x22;
const backslash = 0x5c;

export class ArrayScanner {
  readonly ranges: ElementRanges;
  /** Offset in the window where the unfinished element begins; bytes before it are no longer needed. */
  pendingStart = -1;
  #phase: Phase;
  #depth = 0;
  #inString = false;
  /** The window ended between a backslash and the character it escapes. */
  #escaped = false;
  /** The last string, or the one being read, has an escape. */
  #stringEscaped = false;
  #flags = 0;
  #keys = 0;

  /**
   * @param capacity most elements that one call of `scan` may return
   * @param insideArray true to resume directly behind an element, as recorded by a progress row
   */
  constructor(capacity: number, insideArray = false) {
    this.#phase = insideArray ? Phase.afterElement : Phase.beforeArray;
    this.ranges = {
      count: 0,
      starts: new Int32Array(capacity),
      ends: new Int32Array(capacity),
      flags: new Uint8Array(capacity),
      keys: new Int32Array(capacity),
    };
  }

  /** True once the closing bracket of the array was seen. */
  get finished(): boolean {
    return this.#phase === Phase.afterArray;
  }

  /** Says what the file's end cut off, or undefined when the array was complete. */
  describeTruncation(): string | undefined {
    switch (this.#phase) {
      case Phase.afterArray:
        return undefined;
      case Phase.beforeArray:
        return "the file is empty";
      case Phase.element:
        return this.#inString ? "the file ends inside a string" : "the file ends inside an element";
      default:
        return "the file ends before the closing ]";
    }
  }

  /** Tells the scanner that `count` bytes were removed from the front of the window. */
  discard(count: number): void {
    if (this.pendingStart >= 0) this.pendingStart -= count;
  }

  /**
   * Scans `bytes[from, to)` and fills `ranges` with the elements that end there.
   *
   * @param base offset of `bytes[0]` in the file, for error messages
   * @returns the offset where scanning stopped: `to`, or less when `ranges` is full
   * @throws ArraySyntaxError for anything but white space, commas and brackets between elements
   */
  scan(bytes: Uint8Array, from: number, to: number, base: number): number {
    const { starts, ends, flags, keys } = this.ranges;
    const capacity = starts.length;
    let count = 0;
    let i = from;
    while (i < to && count < capacity) {
      if (this.#phase !== Phase.element) {
        i = this.#scanBetween(bytes, i, to, base);
        continue;
      }
      const end = this.#scanElement(bytes, i, to);
      if (end < 0) {
        i = to;
        break;
      }
      starts[count] = this.pendingStart;
      ends[count] = end;
      flags[count] = this.#flags;
      keys[count] = this.#keys;
      count += 1;
      this.pendingStart = -1;
      this.#phase = Phase.afterElement;
      i = end;
    }
    this.ranges.count = count;
    return i;
  }

  /** Reads separators until an element begins; returns the offset where it stopped. */
  #scanBetween(bytes: Uint8Array, from: number, to: number, base: number): number {
    for (let i = from; i < to; i += 1) {
      const byte = bytes[i]!;
      if (byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09) continue;
      if (this.#takeSeparator(byte, base + i)) continue;
      this.#phase = Phase.element;
      this.pendingStart = i;
      this.#depth = 0;
      this.#inString = false;
      this.#flags = 0;
      this.#keys = 0;
      return i;
    }
    return to;
  }

  /** Moves on at [ , ] and returns true; returns false where an element begins; throws where none may begin. */
  #takeSeparator(byte: number, offset: number): boolean {
    const open = byte === 0x5b;
    const close = byte === 0x5d;
    const comma = byte === 0x2c;
    switch (this.#phase) {
      case Phase.beforeArray:
        if (!open) throw new ArraySyntaxError(describeStart(byte), offset);
        this.#phase = Phase.first;
        return true;
      case Phase.first:
        if (comma) throw new ArraySyntaxError("expected an element or ], found a comma", offset);
        if (close) this.#phase = Phase.afterArray;
        return close;
      case Phase.afterElement:
        if (comma) this.#phase = Phase.nextElement;
        else if (close) this.#phase = Phase.afterArray;
        else throw new ArraySyntaxError(`expected , or ] after an element, found ${describeByte(byte)}`, offset);
        return true;
      case Phase.nextElement:
        if (close) throw new ArraySyntaxError("a comma stands before the closing ]", offset);
        if (comma) throw new ArraySyntaxError("expected an element, found another comma", offset);
        return false;
      default:
        throw new ArraySyntaxError(`unexpected ${describeByte(byte)} after the closing ]`, offset);
    }
  }

  /**
   * Continues inside an element; returns the offset behind it, or -1 when the window ends first. One loop without calls for
   * the common bytes: every byte of every file passes here.
   */
  #scanElement(bytes: Uint8Array, from: number, to: number): number {
    let depth = this.#depth;
    let flags = this.#flags;
    let keys = this.#keys;
    let inString = this.#inString;
    let stringEscaped = this.#stringEscaped;
    let i = from;
    let result = -1;
    if (this.#escaped && i < to) {
      this.#escaped = false;
      if (bytes[i] === 0x75) flags |= ElementFlag.unicodeEscape;
      i += 1;
    }
    while (i < to) {
      if (inString) {
        let byte = bytes[i]!;
        while (byte !== quote && byte !== backslash && ++i < to) byte = bytes[i]!;
        if (i === to) break;
        i += 1;
        if (byte === backslash) {
          stringEscaped = true;
          if (i === to) this.#escaped = true;
          else if (bytes[i] === 0x75) flags |= ElementFlag.unicodeEscape;
          i += 1;
          continue;
        }
        inString = false;
        if (depth > 0) continue;
        result = i;
        break;
      }
      const byte = bytes[i]!;
      if (byte === quote) {
        inString = true;
        stringEscaped = false;
      } else if (byte === 0x3a) {
        keys += 1;
        if (stringEscaped) flags |= ElementFlag.escapedKey;
      } else if (byte === 0x7b || byte === 0x5b) {
        depth += 1;
        if (depth > maximumDepth) flags |= ElementFlag.tooDeep;
      } else if (byte === 0x7d || byte === 0x5d) {
        depth -= 1;
        if (depth <= 0) {
          // Depth 0 before: a scalar ends here, and the bracket belongs to the array.
          result = depth < 0 ? i : i + 1;
          break;
        }
      } else if (byte === 0x2d || (byte >= 0x30 && byte <= 0x39)) {
        const end = numberEnd(bytes, i, to);
        // A number cut by the window is counted again from its rest; treating it as exact-needing is always right.
        if (end === to || needsExactParse(bytes, i, end)) flags |= ElementFlag.number;
        i = end;
        continue;
      } else if (depth === 0 && (byte === 0x2c || byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09)) {
        result = i;
        break;
      }
      i += 1;
    }
    this.#depth = depth;
    this.#flags = flags;
    this.#keys = keys;
    this.#inString = inString;
    this.#stringEscaped = stringEscaped;
    return result;
  }
}

function numberEnd(bytes: Uint8Array, from: number, to: number): number {
  let i = from + 1;
  while (i < to) {
    const byte = bytes[i]!;
    const numeric =
      (byte >= 0x30 && byte <= 0x39) || byte === 0x2e || (byte | 0x20) === 0x65 || byte === 0x2b || byte === 0x2d;
    if (!numeric) break;
    i += 1;
  }
  return i;
}

/** Up to 15 significant digits without an exponent survive a double unchanged (IEEE 754 binary64, DBL_DIG). */
function needsExactParse(bytes: Uint8Array, from: number, end: number): boolean {
  if (end - from > 15) return true;
  if (bytes[from] === 0x2d && bytes[from + 1] === 0x30) return true;
  for (let i = from; i < end; i += 1) if ((bytes[i]! | 0x20) === 0x65) return true;
  return false;
}

function describeByte(byte: number): string {
  return byte > 0x20 && byte < 0x7f ? `"${String.fromCharCode(byte)}"` : `byte 0x${byte.toString(16).padStart(2, "0")}`;
}

function describeStart(byte: number): string {
  if (byte === 0xef) return "the file begins with a byte order mark (BOM), which JSON does not allow";
  if (byte === 0x7b) return "the file holds an object, not an array of documents";
  return `expected [ at the start of an array of documents, found ${describeByte(byte)}`;
}
