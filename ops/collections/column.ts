/** How one field of a document becomes a typed column and comes back. */

import { isStorableText } from "../json/escape.ts";
import { isRawJson } from "../json/value.ts";
import type { JsonValue } from "../json/value.ts";

/** A column's value in memory; times are ISO 8601 in UTC with milliseconds, `json` columns hold any JSON value. */
export type ColumnValue = JsonValue;

export const columnTypes = ["text", "integer", "double", "boolean", "timestamp", "json"] as const;
export type ColumnType = (typeof columnTypes)[number];

export interface Column {
  /** Column name in SQL. */
  readonly name: string;
  /** Field name in the document. */
  readonly field: string;
  readonly type: ColumnType;
  /** Collection whose id this column references by foreign key. */
  readonly references?: string;
  /** The column is part of an index: longer text stays in the remainder, because an index entry is at most 2,704 bytes. */
  readonly indexed?: boolean;
}

/** Bytes of UTF-8 that an indexed text may have: a third of the B-tree limit, so that two fit into one entry. */
export const maximumIndexedBytes = 900;

/**
 * The best typed value a column can hold for a field, or null when there is none.
 *
 * The value is exact, so that nothing goes to the remainder, only when `isExact` says so for the same pair.
 *
 * @param clean promises that every string is storable text
 */
export function toColumnValue(column: Column, value: JsonValue, clean = false): ColumnValue {
  switch (column.type) {
    case "text":
      return typeof value === "string" && (clean || isStorableText(value)) && fitsIndex(column, value) ? value : null;
    case "integer":
      return toInteger(value);
    case "double":
      return toDouble(value);
    case "boolean":
      return toBoolean(value);
    case "timestamp":
      return toTimestamp(value);
    case "json":
      return value;
  }
}

/** True when the column alone gives the field's value back. Null never does: an absent field is NULL, null is not. */
export function isExact(written: ColumnValue, value: JsonValue): boolean {
  return written === value && written !== null && !Object.is(value, -0);
}

/** True for text short enough for an index entry. */
export function fitsIndex(column: Pick<Column, "indexed">, text: string): boolean {
  return (
    column.indexed !== true || text.length * 3 <= maximumIndexedBytes || Buffer.byteLength(text) <= maximumIndexedBytes
  );
}

function toInteger(value: JsonValue): number | null {
  const number = typeof value === "string" && /^-?\d{1,10}$/.test(value) ? Number(value) : value;
  // An integer column has no minus zero.
  return typeof number === "number" && (number | 0) === number ? number | 0 : null;
}

function toDouble(value: JsonValue): number | null {
  if (typeof value === "number") return value;
  if (isRawJson(value)) return null;
  return typeof value === "string" && /^-?\d{1,15}(\.\d{1,15})?$/.test(value) ? Number(value) : null;
}

const booleanWords = new Map<JsonValue, boolean>([
  ["true", true],
  ["1", true],
  [1, true],
  ["false", false],
  ["0", false],
  [0, false],
]);

function toBoolean(value: JsonValue): boolean | null {
  return typeof value === "boolean" ? value : (booleanWords.get(value) ?? null);
}

const daysInMonth = [0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
const zonedTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d)$/;

/** Only a time with a zone is an instant: a date alone or a local time means another one on every machine. */
function toTimestamp(value: JsonValue): string | null {
  if (typeof value !== "string") return null;
  if (isCanonicalTime(value)) return value;
  // JavaScript reads 30 February as 2 March: a day that does not exist is no instant.
  if (!zonedTime.test(value) || !isCanonicalTime(`${value.slice(0, 10)}T00:00:00.000Z`)) return null;
  const instant = new Date(value);
  if (Number.isNaN(instant.getTime())) return null;
  const text = instant.toISOString();
  return isCanonicalTime(text) ? text : null;
}

/** `YYYY-MM-DDTHH:mm:ss.sssZ` of a day that exists, years 0001 to 9999: what Date.toISOString writes. */
export function isCanonicalTime(text: string): boolean {
  if (text.length !== 24 || text.charCodeAt(23) !== 0x5a || text.charCodeAt(19) !== 0x2e) return false;
  if (text.charCodeAt(4) !== 0x2d || text.charCodeAt(7) !== 0x2d || text.charCodeAt(10) !== 0x54) return false;
  if (text.charCodeAt(13) !== 0x3a || text.charCodeAt(16) !== 0x3a) return false;
  const year = twoDigits(text, 0) * 100 + twoDigits(text, 2);
  const month = twoDigits(text, 5);
  const day = twoDigits(text, 8);
  if (!(year >= 1 && month >= 1 && month <= 12 && day >= 1 && day <= daysInMonth[month]!)) return false;
  if (month === 2 && day === 29 && !(year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0))) return false;
  const thousandths = twoDigits(text, 20) * 10 + (text.charCodeAt(22) - 0x30);
  return (
    twoDigits(text, 11) <= 23 &&
    twoDigits(text, 14) <= 59 &&
    twoDigits(text, 17) <= 59 &&
    thousandths >= 0 &&
    isDigit(text, 22)
  );
}

/** Two decimal digits as a number; NaN for anything else, which fails every comparison. */
function twoDigits(text: string, at: number): number {
  return isDigit(text, at) && isDigit(text, at + 1)
    ? (text.charCodeAt(at) - 0x30) * 10 + text.charCodeAt(at + 1) - 0x30
    : Number.NaN;
}

function isDigit(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  return code >= 0x30 && code <= 0x39;
}
