/**
 * Escaped JSON: how any JSON value lives in a jsonb column.
 *
 * jsonb refuses NUL and lone surrogates and respells some numbers. Such a value is stored as {"$json": "<its JSON
 * text>"}; so is a real object that has a $json key, or a key that jsonb refuses.
 */

import { isJsonObject, isRawJson, parseExact, stringifyExact } from "./value.ts";
import type { JsonObject, JsonValue } from "./value.ts";

export const escapeKey = "$json";

/** True when PostgreSQL's text and jsonb take the string and give it back unchanged. */
export function isStorableText(text: string): boolean {
  return text.isWellFormed() && !text.includes("\0");
}

/** The value as jsonb can hold it; the same reference where nothing has to be escaped at the top. */
export function escapeJson(value: JsonValue): JsonValue {
  if (typeof value === "string") return isStorableText(value) ? value : wrap(value);
  if (typeof value === "number") return isPlainNumber(value) ? value : wrap(value);
  if (Array.isArray(value)) return value.map(escapeJson);
  if (isRawJson(value)) return { [escapeKey]: value.rawJSON };
  if (!isJsonObject(value)) return value;
  const entries = Object.entries(value);
  if (entries.some(([key]) => isOddKey(key))) return wrap(value);
  return Object.fromEntries(entries.map(([key, item]) => [key, escapeJson(item)]));
}

/** The reverse of `escapeJson`, for values that JSON.parse made from a jsonb column's text. */
export function unescapeJson(value: JsonValue): JsonValue {
  if (Array.isArray(value)) return value.map(unescapeJson);
  if (!isJsonObject(value)) return value;
  const escaped = Object.hasOwn(value, escapeKey) ? readEscaped(value[escapeKey]) : undefined;
  if (escaped !== undefined) return escaped;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, unescapeJson(item)]));
}

/** The escaped value; undefined for what no escape of ours looks like, which is read as it stands and so never equal. */
function readEscaped(text: JsonValue | undefined): JsonValue | undefined {
  if (typeof text !== "string") return undefined;
  try {
    return parseExact(text);
  } catch {
    return undefined;
  }
}

/** A key that cannot stand in stored jsonb as it is. */
export function isOddKey(key: string): boolean {
  return key === escapeKey || !isStorableText(key);
}

/** Fields with odd names, taken out of a remainder and kept as text under its $json key. */
export function escapeFields(fields: JsonObject): JsonObject {
  const entries = Object.entries(fields);
  const odd = entries.filter(([key]) => isOddKey(key));
  const plain = entries.filter(([key]) => !isOddKey(key)).map(([key, value]) => [key, escapeJson(value)] as const);
  return Object.fromEntries(
    odd.length === 0 ? plain : [...plain, [escapeKey, stringifyExact(Object.fromEntries(odd))]],
  );
}

/** The reverse of `escapeFields`. Unlike a nested value, a remainder stays an object whose own keys can be queried. */
export function unescapeFields(stored: JsonObject): JsonObject {
  const entries: [string, JsonValue][] = [];
  for (const [key, value] of Object.entries(stored)) {
    const odd = key === escapeKey ? readEscaped(value) : undefined;
    if (isJsonObject(odd)) entries.push(...Object.entries(odd));
    else entries.push([key, unescapeJson(value)]);
  }
  return Object.fromEntries(entries);
}

function wrap(value: JsonValue): JsonObject {
  return { [escapeKey]: stringifyExact(value) };
}

/** jsonb's numeric writes 1e21 as 1000000000000000000000 and has no minus zero. */
function isPlainNumber(value: number): boolean {
  if (Object.is(value, -0)) return false;
  const size = Math.abs(value);
  return size === 0 || (size >= 1e-6 && size < 1e21);
}
