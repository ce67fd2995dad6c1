/** Turns differences by place into differences a person can act on: id, JSON pointer, both values with secrets masked. */

import type { Client } from "pg";
import { isTooDeep } from "../../collections/collection.ts";
import type { Collection } from "../../collections/collection.ts";
import { maximumDepth } from "../../json/array-scanner.ts";
import { isJsonObject, isRawJson, parseExact, stringifyExact } from "../../json/value.ts";
import type { JsonValue } from "../../json/value.ts";
import { readElementTexts } from "../load/element-texts.ts";
import { canonicalForm } from "./canonical.ts";
import type { DifferenceClass, RecordDifference } from "./compare-records.ts";
import { readStoredDocument } from "./database-records.ts";

export interface Difference {
  class: DifferenceClass | "contradiction";
  collection: string;
  id: string | undefined;
  /** Index of the element in the file; undefined for an extra row. */
  index: number | undefined;
  /** Position of the row; undefined for a missing one. */
  position: number | undefined;
  /** JSON pointer (RFC 6901) of the first value that differs, for a different document. */
  pointer: string | undefined;
  file: string | undefined;
  database: string | undefined;
}

/** Reads the documents of some differences again and says where each begins to differ. */
export async function describeDifferences(
  client: Client,
  collection: Collection,
  path: string,
  differences: RecordDifference[],
): Promise<Difference[]> {
  const indexes = differences.flatMap(({ file }) => (file === undefined ? [] : [file]));
  const texts =
    indexes.length === 0
      ? new Map<number, string>()
      : await readElementTexts(path, { offset: 0, index: 0 }, new Set(indexes));
  const described: Difference[] = [];
  for (const difference of differences) {
    const text = difference.file === undefined ? undefined : texts.get(difference.file);
    const file = text === undefined ? undefined : parseExact(text);
    const database =
      difference.database === undefined ? undefined : await readStoredDocument(client, collection, difference.database);
    described.push(describe(collection, difference, file, database));
  }
  return described;
}

function describe(
  collection: Collection,
  place: RecordDifference,
  file: JsonValue | undefined,
  database: JsonValue | undefined,
): Difference {
  const base = {
    class: place.class,
    collection: collection.name,
    id: idOf(file ?? database),
    index: place.file,
    position: place.database,
  };
  if (place.class === "moved") return { ...base, pointer: undefined, file: undefined, database: undefined };
  const whole = file === undefined || database === undefined || isTooDeep(file) || isTooDeep(database);
  const found = whole ? { path: [], file, database } : firstDifference([], file, database);
  const pointer = found.path.map((key) => `/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");
  const secret = found.path.some(isSecret);
  return { ...base, pointer, file: show(found.file, secret), database: show(found.database, secret) };
}

interface Found {
  path: string[];
  file: JsonValue | undefined;
  database: JsonValue | undefined;
}

function firstDifference(path: string[], file: JsonValue, database: JsonValue): Found {
  const keys = commonKeys(file, database);
  for (const key of keys ?? []) {
    const a = member(file, key);
    const b = member(database, key);
    if (a !== undefined && b !== undefined && canonicalForm(a) === canonicalForm(b)) continue;
    if (a === undefined || b === undefined) return { path: [...path, key], file: a, database: b };
    return firstDifference([...path, key], a, b);
  }
  return { path, file, database };
}

/** The keys of two objects or two arrays; undefined for values without members in common. */
function commonKeys(a: JsonValue, b: JsonValue): string[] | undefined {
  const structures = (Array.isArray(a) && Array.isArray(b)) || (isJsonObject(a) && isJsonObject(b));
  return structures ? [...new Set([...Object.keys(a), ...Object.keys(b)])] : undefined;
}

function member(value: JsonValue, key: string): JsonValue | undefined {
  return Object.hasOwn(value as object, key) ? (value as unknown as Record<string, JsonValue>)[key] : undefined;
}

const secretFields = /password|secret|token|hash$/i;

function isSecret(field: string): boolean {
  return secretFields.test(field);
}

const shownCharacters = 200;

/** A value's JSON, shortened, with the values of secret fields masked. */
function show(value: JsonValue | undefined, secret: boolean): string | undefined {
  if (value === undefined) return undefined;
  if (isTooDeep(value)) return `(nested deeper than ${maximumDepth} levels)`;
  const text = secret ? '"(masked)"' : stringifyExact(mask(value));
  return text.length > shownCharacters ? `${text.slice(0, shownCharacters)}…` : text;
}

function mask(value: JsonValue): JsonValue {
  if (Array.isArray(value)) return value.map(mask);
  if (!isJsonObject(value) || isRawJson(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, isSecret(key) ? "(masked)" : mask(item)]));
}

/** The id that a document shows: its JSON when it is no string. */
export function idOf(document: JsonValue | undefined): string | undefined {
  const id = isJsonObject(document) ? document["id"] : undefined;
  return id === undefined ? undefined : typeof id === "string" ? id : stringifyExact(id);
}
