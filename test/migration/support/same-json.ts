/** Equality of JSON values, written apart from the code under test. */

import { isRawJson } from "../../../ops/json/value.ts";

/**
 * The JSON pointer of the first place at which two values differ, or undefined when they are equal: own keys only, their
 * order does not count, -0 is not 0, and exact numbers compare digit by digit.
 */
export function findDifference(a: unknown, b: unknown, path = ""): string | undefined {
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null)
    return Object.is(a, b) ? undefined : path || "/";
  if (isRawJson(a) || isRawJson(b))
    return isRawJson(a) && isRawJson(b) && a.rawJSON === b.rawJSON ? undefined : path || "/";
  if (Array.isArray(a) !== Array.isArray(b)) return path || "/";
  const [left, right] = [new Map(Object.entries(a)), new Map(Object.entries(b))];
  for (const key of new Set([...left.keys(), ...right.keys()])) {
    if (left.has(key) !== right.has(key)) return `${path}/${key}`;
    const found = findDifference(left.get(key), right.get(key), `${path}/${key}`);
    if (found !== undefined) return found;
  }
  return undefined;
}
