/**
 * Rows as lines of PostgreSQL's COPY text format (https://www.postgresql.org/docs/18/sql-copy.html, "Text Format"):
 * fields between tabs, \N for NULL, backslash escapes for backslash, tab and line ends.
 */

import { escapeFields, escapeJson } from "../json/escape.ts";
import { stringifyExact } from "../json/value.ts";
import type { JsonObject, JsonValue } from "../json/value.ts";
import type { GenericCollection, Row, TypedCollection } from "./collection.ts";
import type { Column, ColumnValue } from "./column.ts";
import type { SettingsRow } from "./settings.ts";

const special = /[\\\t\n\r]/;
const allSpecial = /[\\\t\n\r]/g;
const escapes: Record<string, string> = { "\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r" };

function escapeText(text: string): string {
  return special.test(text) ? text.replace(allSpecial, (character) => escapes[character]!) : text;
}

/** The columns that `typedLine` writes, in its order. */
export function typedColumns(collection: TypedCollection): string[] {
  return ["id", "position", ...collection.columns.map((column) => column.name), "remainder"];
}

export const genericColumns = ["collection", "id", "position", "document"];
export const settingsColumns = ["key", "position", "value"];

/**
 * One row of a typed collection.
 *
 * @param clean promises that no value needs escaping for jsonb, which spares a walk through each
 */
export function typedLine(collection: TypedCollection, row: Row, position: number, clean: boolean): string {
  const { columns } = collection;
  let line = `${escapeText(row.id)}\t${position}`;
  for (let place = 0; place < columns.length; place += 1)
    line += `\t${field(columns[place]!, row.values[place]!, clean)}`;
  return `${line}\t${remainderText(row.remainder, clean)}\n`;
}

/** One document of a generic collection. */
export function genericLine(
  collection: GenericCollection,
  id: string,
  position: number,
  document: JsonValue,
  clean: boolean,
): string {
  return `${escapeText(collection.name)}\t${escapeText(id)}\t${position}\t${jsonText(document, clean)}\n`;
}

/** One key of the settings document. */
export function settingsLine(row: SettingsRow, position: number): string {
  return `${escapeText(row.key)}\t${position}\t${escapeText(JSON.stringify(row.value))}\n`;
}

function field(column: Column, value: ColumnValue, clean: boolean): string {
  if (value === null) return "\\N";
  if (column.type === "json") return jsonText(value, clean);
  if (typeof value === "string") return escapeText(value);
  if (typeof value === "number") return Object.is(value, -0) ? "-0" : String(value);
  return value === true ? "t" : "f";
}

function jsonText(value: JsonValue, clean: boolean): string {
  return escapeText(clean ? JSON.stringify(value) : stringifyExact(escapeJson(value)));
}

function remainderText(remainder: JsonObject, clean: boolean): string {
  for (const _ in remainder)
    return escapeText(clean ? JSON.stringify(remainder) : stringifyExact(escapeFields(remainder)));
  return "{}";
}
