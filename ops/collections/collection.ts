/** A collection and its mapping between documents (as the JSON file has them) and rows. */

import { isStorableText } from "../json/escape.ts";
import { maximumDepth } from "../json/array-scanner.ts";
import { isJsonObject, isRawJson } from "../json/value.ts";
import type { JsonObject, JsonValue } from "../json/value.ts";
import { fitsIndex, isExact, toColumnValue } from "./column.ts";
import type { Column, ColumnValue } from "./column.ts";

/** A document as a row: `values` in the order of the collection's columns, the rest verbatim in `remainder`. */
export interface Row {
  id: string;
  values: ColumnValue[];
  remainder: JsonObject;
}

/** Why a document cannot be a row; such a document goes to quarantine. */
export interface Unmappable {
  reason: string;
}

export interface TypedCollection {
  readonly kind: "typed";
  readonly name: string;
  /** Qualified, as SQL names it. */
  readonly table: string;
  /** Title of the step that loads it. */
  readonly step: string;
  readonly columns: readonly Column[];
  /** Two documents that agree in these columns register twice; later ones carry `duplicate_of`. */
  readonly registration?: { readonly event: string; readonly email: string };
}

/** Collections without a table of their own: the whole document is one jsonb value. */
export interface GenericCollection {
  readonly kind: "generic";
  readonly name: string;
  readonly table: "lightningtalk.documents";
  readonly step: string;
}

/** The one settings document: a row per key. */
export interface SettingsCollection {
  readonly kind: "settings";
  readonly name: "settings";
  readonly table: "lightningtalk.settings";
  readonly step: string;
}

export type Collection = TypedCollection | GenericCollection | SettingsCollection;

const identifier = { indexed: true } as const;

/** Says why a value cannot be the id of a row, or undefined when it can. */
export function refuseId(id: JsonValue | undefined): string | undefined {
  if (id === undefined) return "has no id";
  if (typeof id !== "string") return `has an id that is not a string (${JSON.stringify(id)?.slice(0, 60)})`;
  if (id === "") return "has an empty id";
  if (!isStorableText(id)) return "has an id with NUL or a lone surrogate";
  if (!fitsIndex(identifier, id)) return `has an id of ${Buffer.byteLength(id)} bytes`;
  return undefined;
}

/**
 * Maps a document to its row. `toDocument` gives back an equal document, whatever the document holds.
 *
 * @param document any JSON value
 * @param clean promises what a look at the JSON text tells cheaply: no \u escape, no number that needs an exact parse,
 *   no excessive depth
 * @returns the row, or the reason why there can be none
 */
export function toRow(collection: TypedCollection, document: JsonValue, clean = false): Row | Unmappable {
  const reason = refuseDocument(document, clean);
  if (reason !== undefined) return { reason };
  const fields = document as JsonObject;
  const { columns } = collection;
  const places = fieldPlaces(collection);
  const values: ColumnValue[] = [];
  for (let place = 0; place < columns.length; place += 1) values.push(null);
  let rest: [string, JsonValue][] | undefined;
  for (const field of Object.keys(fields)) {
    if (field === "id") continue;
    const value = fields[field]!;
    const place = places.get(field);
    const written = place === undefined ? null : toColumnValue(columns[place]!, value, clean);
    if (place !== undefined) values[place] = written;
    if (!isExact(written, value)) (rest ??= []).push([field, value]);
  }
  return { id: fields["id"] as string, values, remainder: rest === undefined ? {} : Object.fromEntries(rest) };
}

/** Maps a row back to its document: the columns, and the remainder, which wins. */
export function toDocument(collection: TypedCollection, row: Row): JsonObject {
  const document: JsonObject = { id: row.id };
  for (const [place, column] of collection.columns.entries()) {
    const value = row.values[place];
    if (value !== null && value !== undefined) document[column.field] = value;
  }
  for (const key of Object.keys(row.remainder)) setField(document, key, row.remainder[key]!);
  return document;
}

/** Says why a value cannot be a document with an id of its own, or undefined when it can. `clean` as in `toRow`. */
export function refuseDocument(document: JsonValue, clean = false): string | undefined {
  if (!isJsonObject(document)) return `is not an object (${describeType(document)})`;
  const id = Object.hasOwn(document, "id") ? document["id"] : undefined;
  return refuseId(id) ?? (!clean && isTooDeep(document) ? tooDeepReason : undefined);
}

export const tooDeepReason = `is nested deeper than ${maximumDepth} levels`;

/** True for values nested deeper than `maximumDepth`; iterative, because such values overflow the stack. */
export function isTooDeep(value: JsonValue): boolean {
  let level = [value].filter(isContainer);
  for (let depth = 1; level.length > 0; depth += 1) {
    if (depth > maximumDepth) return true;
    level = level.flatMap((item) => Object.values(item).filter(isContainer));
  }
  return false;
}

function isContainer(value: JsonValue): value is JsonValue[] | JsonObject {
  return Array.isArray(value) || isJsonObject(value);
}

/** Sets an own property, also one named __proto__, which plain assignment would take for the prototype. */
export function setField(document: JsonObject, field: string, value: JsonValue): void {
  if (field === "__proto__") {
    Object.defineProperty(document, field, { value, enumerable: true, configurable: true, writable: true });
  } else {
    document[field] = value;
  }
}

const placesByCollection = new WeakMap<TypedCollection, ReadonlyMap<string, number>>();

function fieldPlaces(collection: TypedCollection): ReadonlyMap<string, number> {
  let places = placesByCollection.get(collection);
  if (places === undefined) {
    places = new Map(collection.columns.map((column, place) => [column.field, place]));
    placesByCollection.set(collection, places);
  }
  return places;
}

function describeType(value: JsonValue): string {
  if (value === null) return "null";
  if (isRawJson(value)) return "a number";
  return Array.isArray(value) ? "an array" : `a ${typeof value}`;
}
