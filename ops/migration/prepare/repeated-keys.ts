import { toPointer } from "./finding.ts";

interface Level {
  /** Keys seen so far; undefined for an array. */
  keys: Set<string> | undefined;
  /** The key or index that is being read. */
  at: string | number;
}

const token = /"(?:[^"\\]|\\.)*"|[{}[\],:]/g;

/**
 * Finds keys that stand more than once in the same object of a valid JSON text.
 *
 * @returns JSON pointers of the repetitions, in the order of the text
 */
export function findRepeatedKeys(text: string): string[] {
  const found: string[] = [];
  const levels: Level[] = [];
  let key: string | undefined;
  for (const [word] of text.matchAll(token)) {
    const level = levels.at(-1);
    if (word === "{" || word === "[") levels.push({ keys: word === "{" ? new Set() : undefined, at: 0 });
    else if (word === "}" || word === "]") levels.pop();
    else if (word === "," && level !== undefined && typeof level.at === "number")
      level.at += level.keys === undefined ? 1 : 0;
    else if (word === ":" && level?.keys !== undefined && key !== undefined) {
      level.at = key;
      if (level.keys.has(key)) found.push(toPointer(levels.map(({ at }) => at)));
      level.keys.add(key);
    } else if (word.startsWith('"')) key = JSON.parse(word) as string;
  }
  return found;
}
