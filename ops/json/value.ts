/**
 * JSON values without loss. A number that a double cannot hold (12345678901234567890, 1e999) is kept as the raw JSON
 * object of JSON.rawJSON, which JSON.stringify writes back digit by digit; every other value is what JSON.parse gives.
 */

import { hasEscapedKey } from "./escaped-keys.ts";
import { parseDeep } from "./parse-deep.ts";

export type JsonScalar = string | number | boolean | null;
export type JsonValue = JsonScalar | RawJson | JsonValue[] | JsonObject;
export interface JsonObject {
  [key: string]: JsonValue;
}
/** An exact number, made by JSON.rawJSON. */
export interface RawJson {
  readonly rawJSON: string;
}

interface RawJsonFunctions {
  rawJSON(text: string): RawJson;
  isRawJSON(value: unknown): boolean;
}
const rawJsonFunctions = JSON as unknown as RawJsonFunctions;

/** Wraps the text of a number so that JSON.stringify writes it unchanged. */
export function rawNumber(text: string): RawJson {
  return rawJsonFunctions.rawJSON(text);
}

export function isRawJson(value: unknown): value is RawJson {
  return typeof value === "object" && value !== null && rawJsonFunctions.isRawJSON(value);
}

/** True for objects in JSON's sense: neither null, array nor exact number. */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !isRawJson(value);
}

/**
 * JSON.parse that keeps every number's value and every key, at any depth of nesting.
 *
 * @throws SyntaxError as JSON.parse does
 */
export function parseExact(text: string): JsonValue {
  if (hasEscapedKey(text)) return parseApart(text);
  try {
    return JSON.parse(text, keepExact) as JsonValue;
  } catch (error) {
    // The reviver is recursive: the stack overflowed.
    if (error instanceof RangeError) return parseApart(text);
    throw error;
  }
}

/**
 * JSON.parse that keeps every key: for text whose numbers a double holds, as stored JSON is.
 *
 * @throws SyntaxError as JSON.parse does
 */
export function parsePlain(text: string): JsonValue {
  return hasEscapedKey(text) ? parseApart(text) : (JSON.parse(text) as JsonValue);
}

/** Lets JSON.parse judge the text and reads it without its help. */
function parseApart(text: string): JsonValue {
  JSON.parse(text);
  return parseDeep(text, readScalar);
}

function readScalar(token: string): JsonScalar | RawJson {
  return keepExact("", JSON.parse(token), { source: token }) as JsonScalar | RawJson;
}

function keepExact(_key: string, value: unknown, context?: { source?: string }): unknown {
  if (typeof value !== "number" || context?.source === undefined) return value;
  return isSameNumber(context.source, value) ? value : rawNumber(context.source);
}

/**
 * JSON.stringify that also keeps minus zero and throws on what JSON has no word for (undefined, NaN, functions).
 */
export function stringifyExact(value: unknown, indent?: number): string {
  return JSON.stringify(value, writeExact, indent);
}

function writeExact(this: unknown, key: string, value: unknown): unknown {
  if (Object.is(value, -0)) return rawNumber("-0");
  if (typeof value === "number" && !Number.isFinite(value))
    throw new TypeError(`${value} at "${key}" is no JSON number`);
  return value;
}

/** True when the decimal text denotes exactly the value that JavaScript prints for the double. */
function isSameNumber(source: string, value: number): boolean {
  if (!Number.isFinite(value)) return false;
  const text = Object.is(value, -0) ? "-0" : String(value);
  return text === source || normalizeDecimal(text) === normalizeDecimal(source);
}

/** sign, digits without leading or trailing zeros, power of ten: equal for equal values, whatever the spelling. */
function normalizeDecimal(text: string): string {
  const match = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(text);
  if (!match) return text;
  const [, sign = "", integer = "", fraction = "", exponent = "0"] = match;
  const digits = (integer + fraction).replace(/^0+/, "");
  const significant = digits.replace(/0+$/, "");
  if (significant === "") return `${sign}0`;
  const power = BigInt(exponent) - BigInt(fraction.length) + BigInt(digits.length - significant.length);
  return `${sign}${significant}e${power}`;
}
