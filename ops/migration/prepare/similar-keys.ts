/** Documents of one collection have few shapes: each is judged once. */
const judged = new Map<string, string[] | undefined>();
const maximumShapes = 5000;
const longestShape = 2000;

/** The first two keys that differ only by upper and lower case, undefined when there are none. */
export function similarKeys(keys: readonly string[]): string[] | undefined {
  if (keys.length < 2) return undefined;
  const shape = keys.join("\0");
  if (judged.has(shape)) return judged.get(shape);
  const similar = findSimilar(keys);
  if (judged.size >= maximumShapes) judged.clear();
  if (shape.length <= longestShape) judged.set(shape, similar);
  return similar;
}

function findSimilar(keys: readonly string[]): string[] | undefined {
  const seen = new Map<string, string>();
  for (const key of keys) {
    const lower = key.toLowerCase();
    const other = seen.get(lower);
    if (other !== undefined) return [other, key];
    seen.set(lower, key);
  }
  return undefined;
}
