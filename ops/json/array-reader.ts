/** Reads the documents of a JSON array file of any size through a small window. */

import { constants, isUtf8 } from "node:buffer";
import { open } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { basename } from "node:path";
import { OpsError } from "../errors.ts";
import { ArrayScanner, ArraySyntaxError } from "./array-scanner.ts";
import type { ElementRanges } from "./array-scanner.ts";
import { findInvalidUtf8, findSyntaxProblem } from "./syntax.ts";
import { locateOffset } from "./text-position.ts";

/** Elements that were read together. Valid until the next window is asked for. */
export interface ElementWindow {
  /** The window's bytes; `ranges` points into them. */
  bytes: Buffer;
  ranges: ElementRanges;
  /** Index in the array of the window's first element. */
  firstIndex: number;
  /** Offset in the file of `bytes[0]`. */
  base: number;
}

export interface ReadOptions {
  /** Resume behind an element: its end offset in the file and the number of elements up to there. */
  from?: { offset: number; index: number };
  /** Bytes that are read at a time. */
  windowBytes?: number;
  /** Sees every byte that is read, in order: for hashing and progress. */
  onBytes?: (bytes: Buffer) => void;
}

const elementsPerWindow = 8192;

/**
 * Yields the elements of the array in `path`, a window at a time, in bounded memory.
 *
 * @throws OpsError `broken-json` with file:line:column when the file is no JSON array, is cut off or is not UTF-8
 */
export async function* readElements(path: string, options: ReadOptions = {}): AsyncGenerator<ElementWindow> {
  const file = await open(path, "r");
  try {
    yield* readWindows(file, path, options);
  } catch (error) {
    if (error instanceof ArraySyntaxError) throw await brokenJson(path, error.message, error.offset);
    throw error;
  } finally {
    await file.close();
  }
}

async function* readWindows(file: FileHandle, path: string, options: ReadOptions): AsyncGenerator<ElementWindow> {
  const scanner = new ArrayScanner(elementsPerWindow, options.from !== undefined);
  let bytes = Buffer.allocUnsafeSlow(options.windowBytes ?? 1 << 20);
  let base = options.from?.offset ?? 0;
  let index = options.from?.index ?? 0;
  let length = 0;
  let scanned = 0;
  let ended = false;
  while (!ended || scanned < length) {
    if (scanned === length) {
      if (length === bytes.length) bytes = grow(bytes, path, base);
      const { bytesRead } = await file.read(bytes, length, bytes.length - length, base + length);
      ended = bytesRead === 0;
      options.onBytes?.(bytes.subarray(length, length + bytesRead));
      length += bytesRead;
    }
    scanned = scanner.scan(bytes, scanned, length, base);
    const { ranges } = scanner;
    if (ranges.count > 0) {
      await refuseInvalidUtf8(path, bytes, ranges, base);
      yield { bytes, ranges, firstIndex: index, base };
      index += ranges.count;
    }
    const keepFrom = scanner.pendingStart >= 0 ? scanner.pendingStart : scanned;
    bytes.copyWithin(0, keepFrom, length);
    scanner.discard(keepFrom);
    base += keepFrom;
    length -= keepFrom;
    scanned -= keepFrom;
  }
  const truncation = scanner.describeTruncation();
  if (truncation !== undefined) throw new ArraySyntaxError(truncation, base + length);
}

function grow(bytes: Buffer, path: string, base: number): Buffer<ArrayBuffer> {
  if (bytes.length >= constants.MAX_STRING_LENGTH) {
    throw new OpsError(
      "element-too-large",
      `${basename(path)}: the element at byte ${base} is larger than ${constants.MAX_STRING_LENGTH} bytes, the longest text Node can hold.`,
      { hint: "Take the element out of the file, or split it." },
    );
  }
  const larger = Buffer.allocUnsafeSlow(Math.min(bytes.length * 2, constants.MAX_STRING_LENGTH));
  bytes.copy(larger);
  return larger;
}

async function refuseInvalidUtf8(path: string, bytes: Buffer, ranges: ElementRanges, base: number): Promise<void> {
  const start = ranges.starts[0]!;
  const text = bytes.subarray(start, ranges.ends[ranges.count - 1]);
  if (isUtf8(text)) return;
  const offset = start + findInvalidUtf8(text);
  const byte = bytes[offset]!.toString(16).padStart(2, "0");
  throw await brokenJson(path, `byte 0x${byte} is not valid UTF-8`, base + offset);
}

/**
 * Explains why JSON.parse refused an element.
 *
 * @param text the element's bytes
 * @param offset where they begin in the file
 */
export async function brokenElement(path: string, text: Uint8Array, offset: number): Promise<OpsError> {
  const problem = findSyntaxProblem(text);
  return await brokenJson(path, problem?.message ?? "this element is not valid JSON", offset + (problem?.offset ?? 0));
}

async function brokenJson(path: string, message: string, offset: number): Promise<OpsError> {
  const { line, column } = await locateOffset(path, offset);
  return new OpsError("broken-json", `${basename(path)}:${line}:${column}: ${message}.`, {
    hint: `Correct ${path} at line ${line}, column ${column}, or bring back a good copy; then run the same command again.`,
    details: { file: path, line, column, offset },
  });
}
