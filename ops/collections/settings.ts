/**
 * The settings file holds one document without an id. Each of its keys is a row; an empty document is a marker row.
 * Elements behind the first are never read by the application and are quarantined.
 */

import { escapeJson, escapeKey, isStorableText, unescapeJson } from "../json/escape.ts";
import { isJsonObject } from "../json/value.ts";
import type { JsonObject, JsonValue } from "../json/value.ts";
import { fitsIndex } from "./column.ts";
import { isTooDeep, setField, tooDeepReason } from "./collection.ts";
import type { SettingsCollection, Unmappable } from "./collection.ts";

export const settings: SettingsCollection = {
  kind: "settings",
  name: "settings",
  table: "lightningtalk.settings",
  step: "migrateSettings",
};

/** One key of the settings document; `value` is escaped JSON. */
export interface SettingsRow {
  key: string;
  value: JsonValue;
}

const keyPrefix = `${escapeKey}:`;
/** Stands for a document without any key: no rows at all means that there is no document. */
const emptyDocumentKey = keyPrefix;

/**
 * Maps the settings document to a row per key.
 *
 * A key that PostgreSQL's text refuses is spelled as "$json:" and its JSON text, and so is one that begins like that.
 */
export function toSettingsRows(document: JsonValue): SettingsRow[] | Unmappable {
  if (!isJsonObject(document)) return { reason: "is not an object" };
  if (isTooDeep(document)) return { reason: tooDeepReason };
  const rows = Object.entries(document).map(([key, value]) => ({
    key: escapeSettingsKey(key),
    value: escapeJson(value),
  }));
  const long = rows.find(({ key }) => !fitsIndex({ indexed: true }, key));
  if (long !== undefined) return { reason: `has a key of ${Buffer.byteLength(long.key)} bytes` };
  return rows.length === 0 ? [{ key: emptyDocumentKey, value: {} }] : rows;
}

/** The reverse of `toSettingsRows`; undefined when there are no rows, so no settings document. */
export function toSettingsDocument(rows: readonly SettingsRow[]): JsonObject | undefined {
  if (rows.length === 0) return undefined;
  const document: JsonObject = {};
  for (const { key, value } of rows) {
    if (key !== emptyDocumentKey) setField(document, unescapeSettingsKey(key), unescapeJson(value));
  }
  return document;
}

function escapeSettingsKey(key: string): string {
  return isStorableText(key) && !key.startsWith(keyPrefix) ? key : keyPrefix + JSON.stringify(key);
}

function unescapeSettingsKey(key: string): string {
  return key.startsWith(keyPrefix) ? (JSON.parse(key.slice(keyPrefix.length)) as string) : key;
}
