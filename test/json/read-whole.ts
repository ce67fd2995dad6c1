import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll } from "vitest";
import { readElements } from "../../ops/json/array-reader.ts";
import type { ReadOptions } from "../../ops/json/array-reader.ts";

export interface ReadElement {
  text: string;
  flags: number;
  keys: number;
  /** Offset in the file behind the element. */
  end: number;
  index: number;
}

/** Reads all elements of a file, as the windows deliver them. */
export async function readWhole(path: string, options: ReadOptions = {}): Promise<ReadElement[]> {
  const elements: ReadElement[] = [];
  for await (const { bytes, ranges, firstIndex, base } of readElements(path, options)) {
    for (let i = 0; i < ranges.count; i += 1) {
      const text = bytes.toString("utf8", ranges.starts[i], ranges.ends[i]);
      const end = base + ranges.ends[i]!;
      elements.push({ text, flags: ranges.flags[i]!, keys: ranges.keys[i]!, end, index: firstIndex + i });
    }
  }
  return elements;
}

/** Gives a test file a directory of its own; returns the function that writes a file into it and names it. */
export function useFiles(): (content: string | Uint8Array, name?: string) => Promise<string> {
  let directory = "";
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), "lt-json-"));
  });
  afterAll(() => rm(directory, { recursive: true }));
  return async (content, name = "file.json") => {
    const path = join(directory, name);
    await writeFile(path, content);
    return path;
  };
}

/** Parses every element as the callers of the reader do: JSON.parse of each element's text. */
export async function readAndParse(path: string, options: ReadOptions = {}): Promise<unknown[]> {
  return (await readWhole(path, options)).map(({ text }) => JSON.parse(text) as unknown);
}
