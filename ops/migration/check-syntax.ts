import { brokenElement, readElements } from "../json/array-reader.ts";

/**
 * Reads a collection's file to its end and parses every element.
 *
 * @returns the number of elements
 * @throws OpsError `broken-json` with file, line and column of the first violation
 */
export async function checkSyntax(path: string): Promise<number> {
  let count = 0;
  for await (const { bytes, ranges, base } of readElements(path)) {
    for (let i = 0; i < ranges.count; i += 1) {
      const start = ranges.starts[i]!;
      try {
        JSON.parse(bytes.toString("utf8", start, ranges.ends[i]));
      } catch {
        throw await brokenElement(path, bytes.subarray(start, ranges.ends[i]), base + start);
      }
    }
    count += ranges.count;
  }
  return count;
}
