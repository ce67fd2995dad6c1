import { readElements } from "../../json/array-reader.ts";

/**
 * Reads elements of a file again, exactly as it spells them.
 *
 * @param from an element's end (or zeros) before the first wanted one
 * @param wanted indexes in the array
 */
export async function readElementTexts(
  path: string,
  from: { offset: number; index: number },
  wanted: ReadonlySet<number>,
): Promise<Map<number, string>> {
  const texts = new Map<number, string>();
  const windows = readElements(path, from.offset === 0 ? {} : { from });
  for await (const { bytes, ranges, firstIndex } of windows) {
    for (let i = 0; i < ranges.count; i += 1) {
      if (wanted.has(firstIndex + i))
        texts.set(firstIndex + i, bytes.toString("utf8", ranges.starts[i], ranges.ends[i]));
    }
    if (texts.size === wanted.size) return texts;
  }
  return texts;
}
