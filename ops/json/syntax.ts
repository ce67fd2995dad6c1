/** Finds where a text stops being JSON (RFC 8259), for messages that name the exact place. */

/** The first violation: what is wrong, and the byte offset at which it was seen. */
export interface SyntaxProblem {
  message: string;
  offset: number;
}

/**
 * Checks one JSON value strictly.
 *
 * JSON.parse stays the judge of validity; this reader only explains a refusal, so it may be slow but must be exact.
 * It is iterative: a hostile depth of nesting cannot overflow the stack.
 *
 * @param bytes the text as UTF-8
 * @returns the first problem, or undefined for valid JSON
 */
export function findSyntaxProblem(bytes: Uint8Array): SyntaxProblem | undefined {
  try {
    new Reader(bytes).readDocument();
    return undefined;
  } catch (error) {
    if (error instanceof Problem) return { message: error.message, offset: error.offset };
    throw error;
  }
}

class Problem extends Error {
  readonly offset: number;

  constructor(message: string, offset: number) {
    super(message);
    this.offset = offset;
  }
}

class Reader {
  #at = 0;
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  readDocument(): void {
    const open: number[] = [];
    this.#space();
    let closed = this.#value(open);
    while (open.length > 0) closed = closed ? this.#afterValue(open) : this.#value(open);
    this.#space();
    if (this.#at < this.#bytes.length) throw this.#problem(`unexpected ${this.#found()} after the value`);
  }

  /** Reads a scalar (true) or enters an object or array (true when it is empty and closed at once). */
  #value(open: number[]): boolean {
    const byte = this.#bytes[this.#at];
    if (byte === 0x7b || byte === 0x5b) return this.#enter(byte, open);
    if (byte === 0x22) this.#string();
    else if (byte === 0x2d || isDigit(byte)) this.#number();
    else if (!this.#literal()) throw this.#problem(`expected a value, found ${this.#found()}`);
    return true;
  }

  #enter(byte: number, open: number[]): boolean {
    open.push(byte);
    this.#at += 1;
    this.#space();
    const closing = byte === 0x7b ? 0x7d : 0x5d;
    if (this.#bytes[this.#at] === closing) {
      this.#at += 1;
      open.pop();
      this.#space();
      return true;
    }
    if (byte === 0x7b) this.#key();
    return false;
  }

  #afterValue(open: number[]): boolean {
    this.#space();
    const inObject = open.at(-1) === 0x7b;
    const byte = this.#bytes[this.#at];
    if (byte === 0x2c) {
      this.#at += 1;
      this.#space();
      if (inObject) this.#key();
      return false;
    }
    if (byte !== (inObject ? 0x7d : 0x5d)) {
      throw this.#problem(`expected , or ${inObject ? "}" : "]"}, found ${this.#found()}`);
    }
    this.#at += 1;
    open.pop();
    return true;
  }

  #key(): void {
    if (this.#bytes[this.#at] !== 0x22) throw this.#problem(`expected a key in double quotes, found ${this.#found()}`);
    this.#string();
    this.#space();
    if (this.#bytes[this.#at] !== 0x3a) throw this.#problem(`expected : after a key, found ${this.#found()}`);
    this.#at += 1;
    this.#space();
  }

  #string(): void {
    this.#at += 1;
    for (;;) {
      const byte = this.#bytes[this.#at];
      if (byte === undefined) throw this.#problem("the text ends inside a string");
      if (byte < 0x20) throw this.#problem(`a string holds an unescaped control character (0x${hex(byte)})`);
      this.#at += 1;
      if (byte === 0x22) return;
      if (byte === 0x5c) this.#escape();
    }
  }

  #escape(): void {
    const byte = this.#bytes[this.#at];
    if (byte === undefined) throw this.#problem("the text ends inside a string");
    if (byte === 0x75) {
      for (let i = 1; i <= 4; i += 1) {
        this.#at += 1;
        const digit = this.#bytes[this.#at];
        if (digit === undefined || !isHexDigit(digit)) throw this.#problem("\\u needs four hexadecimal digits");
      }
    } else if (!'"\\/bfnrt'.includes(String.fromCharCode(byte))) {
      throw this.#problem(`\\${String.fromCharCode(byte)} is no JSON escape`);
    }
    this.#at += 1;
  }

  #number(): void {
    if (this.#bytes[this.#at] === 0x2d) this.#at += 1;
    if (this.#bytes[this.#at] === 0x30) {
      this.#at += 1;
      if (isDigit(this.#bytes[this.#at])) throw this.#problem("a number has a leading zero");
    } else this.#digits();
    if (this.#bytes[this.#at] === 0x2e) {
      this.#at += 1;
      this.#digits();
    }
    if ((this.#bytes[this.#at] ?? 0) === 0x65 || this.#bytes[this.#at] === 0x45) {
      this.#at += 1;
      if (this.#bytes[this.#at] === 0x2b || this.#bytes[this.#at] === 0x2d) this.#at += 1;
      this.#digits();
    }
  }

  #digits(): void {
    if (!isDigit(this.#bytes[this.#at])) throw this.#problem(`a number needs a digit here, found ${this.#found()}`);
    while (isDigit(this.#bytes[this.#at])) this.#at += 1;
  }

  #literal(): boolean {
    for (const word of ["true", "false", "null"]) {
      if (word.charCodeAt(0) !== this.#bytes[this.#at]) continue;
      for (let i = 0; i < word.length; i += 1, this.#at += 1) {
        if (this.#bytes[this.#at] !== word.charCodeAt(i))
          throw this.#problem(`expected ${word}, found ${this.#found()}`);
      }
      return true;
    }
    return false;
  }

  #space(): void {
    for (;;) {
      const byte = this.#bytes[this.#at];
      if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) return;
      this.#at += 1;
    }
  }

  #found(): string {
    const byte = this.#bytes[this.#at];
    if (byte === undefined) return "the end of the text";
    return byte > 0x20 && byte < 0x7f ? `"${String.fromCharCode(byte)}"` : `byte 0x${hex(byte)}`;
  }

  #problem(message: string): Problem {
    return new Problem(message, this.#at);
  }
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= 0x30 && byte <= 0x39;
}

function isHexDigit(byte: number): boolean {
  return isDigit(byte) || ((byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x66);
}

function hex(byte: number): string {
  return byte.toString(16).padStart(2, "0");
}

/**
 * Finds the first byte that is not part of well-formed UTF-8 (Unicode 16, table 3-7).
 *
 * @returns its offset, or -1 when all bytes are well-formed
 */
export function findInvalidUtf8(bytes: Uint8Array): number {
  let i = 0;
  while (i < bytes.length) {
    const length = sequenceLength(bytes, i);
    if (length === 0) return i;
    i += length;
  }
  return -1;
}

function sequenceLength(bytes: Uint8Array, at: number): number {
  const first = bytes[at]!;
  if (first < 0x80) return 1;
  if (first < 0xc2 || first > 0xf4) return 0;
  const length = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  const second = bytes[at + 1] ?? 0;
  const low = first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80;
  const high = first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf;
  if (second < low || second > high) return 0;
  for (let i = 2; i < length; i += 1) if (((bytes[at + i] ?? 0) & 0xc0) !== 0x80) return 0;
  return length;
}
