import { ArrayScanner, ArraySyntaxError } from "../json/array-scanner.ts";

export interface ElementCounter {
  add(chunk: Uint8Array): void;
  /** Elements seen; undefined when the bytes were no whole JSON array. */
  finish(): number | undefined;
}

const elementsPerScan = 4096;

/** Counts the elements of a JSON array whose bytes come in pieces. */
export function countElements(): ElementCounter {
  // The scanner needs no earlier bytes to find where elements end; only whoever reads the elements does.
  const scanner = new ArrayScanner(elementsPerScan);
  let count = 0;
  let broken = false;
  const scanAll = (chunk: Uint8Array): void => {
    for (let at = 0; at < chunk.length;) {
      at = scanner.scan(chunk, at, chunk.length, 0);
      count += scanner.ranges.count;
    }
  };
  return {
    add: (chunk) => {
      if (broken) return;
      try {
        scanAll(chunk);
      } catch (error) {
        if (!(error instanceof ArraySyntaxError)) throw error;
        broken = true;
      }
    },
    finish: () => (broken || !scanner.finished ? undefined : count),
  };
}
