/** The postgres store's documents, read row by row in the order of their positions. */

import type { Client } from "pg";
import { escapeLiteral } from "pg";
import { toDocument } from "../../collections/collection.ts";
import type { Collection, Row, TypedCollection } from "../../collections/collection.ts";
import { toColumnValue } from "../../collections/column.ts";
import type { Column, ColumnValue } from "../../collections/column.ts";
import { toSettingsDocument } from "../../collections/settings.ts";
import { escapeKey, unescapeFields, unescapeJson } from "../../json/escape.ts";
import { isJsonObject, parseExact, parsePlain } from "../../json/value.ts";
import type { JsonObject, JsonValue } from "../../json/value.ts";
import { copyRows } from "./copy-rows.ts";
import type { CopyField } from "./copy-rows.ts";

export interface StoredDocument {
  document: JsonValue;
  position: number;
  /** Some of it may come from escaped JSON, which alone can hold a lone surrogate. */
  escaped: boolean;
  /** The document's text, for one that is in quarantine. */
  text?: string;
  /** A column whose typed value contradicts the document, which a reader through SQL would believe. */
  contradiction?: string;
}

/**
 * Reads a collection's documents, those in quarantine included, in groups.
 *
 * @param client its session's time zone is UTC
 * @param only reads only the rows at this position
 */
export async function* readStoredDocuments(
  client: Client,
  collection: Collection,
  only?: number,
): AsyncGenerator<StoredDocument[]> {
  const quarantined = await readQuarantined(client, collection.name);
  let next = 0;
  for await (const group of readRows(client, collection, only)) {
    const last = group.at(-1)?.position ?? 0;
    const merged = [...group];
    while (next < quarantined.length && quarantined[next]!.position <= last) merged.push(quarantined[next++]!);
    if (merged.length > group.length) merged.sort((a, b) => a.position - b.position);
    yield merged;
  }
  yield quarantined.slice(next);
}

/** Reads the one document at a position; undefined when there is none. */
export async function readStoredDocument(
  client: Client,
  collection: Collection,
  position: number,
): Promise<JsonValue | undefined> {
  for await (const group of readStoredDocuments(client, collection, position)) {
    const found = group.find((stored) => stored.position === position);
    if (found !== undefined) return found.document;
  }
  return undefined;
}

/** The documents in quarantine, by position. */
async function readQuarantined(client: Client, collection: string): Promise<StoredDocument[]> {
  const { rows } = await client.query<{ position: string; document: string }>(
    "select q.position::text, q.document from ops.quarantine q where q.collection = $1 order by q.position",
    [collection],
  );
  return rows.map(({ position, document }) => ({
    document: parseExact(document),
    position: Number(position),
    escaped: true,
    text: document,
  }));
}

async function* readRows(client: Client, collection: Collection, only?: number): AsyncGenerator<StoredDocument[]> {
  const at = only === undefined ? "true" : `position = ${escapeLiteral(String(only))}`;
  if (collection.kind === "settings") {
    yield await readSettings(client);
  } else if (collection.kind === "generic") {
    const name = escapeLiteral(collection.name);
    const query = `select position, id, document from lightningtalk.documents where collection = ${name} and ${at} order by position`;
    for await (const rows of copyRows(client, query)) yield rows.map(genericDocument);
  } else {
    const columns = ["position", "id", "remainder", ...collection.columns.map(({ name }) => name)];
    const query = `select ${columns.join(", ")} from ${collection.table} where ${at} order by position`;
    for await (const rows of copyRows(client, query)) yield rows.map((fields) => typedDocument(collection, fields));
  }
}

async function readSettings(client: Client): Promise<StoredDocument[]> {
  const rows: { key: string; value: JsonValue }[] = [];
  for await (const group of copyRows(client, "select key, value from lightningtalk.settings order by position, key")) {
    for (const [key, value] of group) rows.push({ key: key!, value: parsePlain(value!) });
  }
  const document = toSettingsDocument(rows);
  return document === undefined ? [] : [{ document, position: 0, escaped: true }];
}

function genericDocument([position, id, text]: CopyField[]): StoredDocument {
  const document = parseStored(text!);
  const stored = { document, position: Number(position), escaped: true };
  return isJsonObject(document) && document["id"] === id ? stored : { ...stored, contradiction: "id" };
}

function typedDocument(collection: TypedCollection, fields: CopyField[]): StoredDocument {
  const { columns } = collection;
  const values: ColumnValue[] = [];
  for (let i = 0; i < columns.length; i += 1) values.push(readField(columns[i]!, fields[i + 3]!));
  const remainder = fields[2] === "{}" ? noRemainder : parseRemainder(fields[2]!);
  const row: Row = { id: fields[1]!, values, remainder };
  const escaped =
    remainder !== noRemainder || columns.some(({ type }, i) => type === "json" && mayBeEscaped(fields[i + 3]!));
  const stored = { document: toDocument(collection, row), position: Number(fields[0]), escaped };
  const contradiction =
    findJsonNull(columns, fields) ?? (remainder === noRemainder ? undefined : findContradiction(collection, row));
  return contradiction === undefined ? stored : { ...stored, contradiction };
}

const noRemainder: JsonObject = {};

function readField(column: Column, text: CopyField): ColumnValue {
  if (text === null) return null;
  switch (column.type) {
    case "text":
      return text;
    case "integer":
    case "double":
      return Number(text);
    case "boolean":
      return text === "t";
    case "timestamp":
      return isoTime(text);
    case "json":
      return parseStored(text);
  }
}

/** `2025-06-29 15:16:56.399+00` as JavaScript writes it; what is not of that form (infinity, BC) is left as it is. */
function isoTime(text: string): string {
  if (!text.endsWith("+00") || text.charCodeAt(10) !== 0x20) return text;
  const fraction = text.slice(20, -3);
  return `${text.slice(0, 10)}T${text.slice(11, 19)}.${fraction.padEnd(3, "0")}Z`;
}

function mayBeEscaped(text: CopyField): boolean {
  return text !== null && text.includes(escapeKey);
}

function parseStored(text: string): JsonValue {
  const value = parsePlain(text);
  return text.includes(escapeKey) ? unescapeJson(value) : value;
}

function parseRemainder(text: string): JsonObject {
  return unescapeFields(parsePlain(text) as JsonObject);
}

/** JSON's null in a column reads like no value at all: a field that is null stands in the remainder. */
function findJsonNull(columns: readonly Column[], fields: CopyField[]): string | undefined {
  for (let i = 0; i < columns.length; i += 1)
    if (fields[i + 3] === "null" && columns[i]!.type === "json") return columns[i]!.name;
  return undefined;
}

/**
 * Where the remainder holds a mapped field, the column must hold the best typed value of it, or NULL for a reference
 * without a target. Reading the document would not show otherwise: the remainder wins.
 */
function findContradiction(collection: TypedCollection, row: Row): string | undefined {
  for (const [place, column] of collection.columns.entries()) {
    if (!Object.hasOwn(row.remainder, column.field)) continue;
    const value = row.remainder[column.field]!;
    const expected = toColumnValue(column, value);
    const actual = row.values[place]!;
    const orphan = column.references !== undefined && actual === null && typeof value === "string";
    if (!orphan && !Object.is(actual, expected)) return column.name;
  }
  return undefined;
}
