import { isJsonObject, stringifyExact } from "../../json/value.ts";
import type { JsonValue } from "../../json/value.ts";

const secretFields = /passw|passphrase|hash$|token|secret|credential|api_?key|csrf|cookie|authorization/i;
const shownCharacters = 60;

/** A value for a message: as JSON, shortened, secrets masked, and without control characters that move a terminal's cursor. */
export function showValue(field: string, value: JsonValue): string {
  if (secretFields.test(field)) return '"(masked)"';
  const text = stringifyExact(maskSecrets(shorten(value)));
  return text.length > shownCharacters ? `${text.slice(0, shownCharacters).toWellFormed()}…` : text;
}

/** What JSON calls the value: "a string", "an array". */
export function typeName(value: JsonValue): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "an array";
  if (isJsonObject(value)) return "an object";
  return typeof value === "object" ? "a number" : `a ${typeof value}`;
}

/** Only the beginning of a value is shown; writing out all of a large one first would be waste. */
function shorten(value: JsonValue): JsonValue {
  if (typeof value === "string") return value.slice(0, shownCharacters);
  return Array.isArray(value) ? value.slice(0, shownCharacters) : value;
}

function maskSecrets(value: JsonValue): JsonValue {
  if (Array.isArray(value)) return value.map(maskSecrets);
  if (!isJsonObject(value)) return value;
  const entries = Object.entries(value).map(
    ([key, item]) => [key, secretFields.test(key) ? "(masked)" : maskSecrets(item)] as const,
  );
  return Object.fromEntries(entries);
}
