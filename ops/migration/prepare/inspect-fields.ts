/** Compares a document's fields with the columns of its collection. */

import type { TypedCollection } from "../../collections/collection.ts";
import { fitsIndex, isExact, toColumnValue } from "../../collections/column.ts";
import type { Column, ColumnValue } from "../../collections/column.ts";
import { isStorableText } from "../../json/escape.ts";
import { isRawJson } from "../../json/value.ts";
import type { JsonObject, JsonValue } from "../../json/value.ts";
import { toPointer } from "./finding.ts";
import type { FindingList } from "./finding.ts";
import { showValue, typeName } from "./show-value.ts";

const columnsByCollection = new WeakMap<TypedCollection, ReadonlyMap<string, Column>>();

/** Lists unknown fields, and the values that do not come back from their column and so stay in the remainder. */
export function inspectFields(
  findings: FindingList,
  collection: TypedCollection,
  document: JsonObject,
  index: number,
): void {
  const columns = columnsOf(collection);
  for (const field of Object.keys(document)) {
    if (field === "id") continue;
    const column = columns.get(field);
    const value = document[field]!;
    if (column === undefined)
      findings.addField("unknown-field", collection.name, index, field, () => describeUnknown(columns, field, value));
    else inspectField(findings, collection, column, value, index);
  }
}

function inspectField(
  findings: FindingList,
  { name }: TypedCollection,
  column: Column,
  value: JsonValue,
  index: number,
): void {
  const written = toColumnValue(column, value);
  // Numbers that a double does not hold and texts that PostgreSQL refuses are found at any depth, not here again.
  if (isExact(written, value) || isRawJson(value) || Object.is(value, -0)) return;
  const { field } = column;
  const shown = (): string => showValue(field, value);
  if (value === null)
    return findings.addField(
      "null-value",
      name,
      index,
      field,
      () => "is null, which is kept apart from an absent field",
    );
  if (typeof value === "string") return inspectString(findings, name, column, value, written, index);
  findings.add(
    "type-mismatch",
    name,
    index,
    toPointer([field]),
    `is ${typeName(value)} (${shown()}) where ${expected(column)} is expected${kept(written)}`,
  );
}

function inspectString(
  findings: FindingList,
  name: string,
  column: Column,
  value: string,
  written: ColumnValue,
  index: number,
): void {
  const { field, type } = column;
  const pointer = toPointer([field]);
  const shown = showValue(field, value);
  if (!isStorableText(value)) return;
  if (type === "timestamp") return inspectTime(findings, name, field, value, written, index);
  if (type === "text" && !fitsIndex(column, value)) {
    return findings.add(
      "too-long-for-index",
      name,
      index,
      pointer,
      `has ${Buffer.byteLength(value)} bytes, too many for an index: the column stays empty`,
    );
  }
  findings.add(
    "type-mismatch",
    name,
    index,
    pointer,
    `is a string (${shown}) where ${expected(column)} is expected${kept(written)}`,
  );
}

const localTime = /^\d{4}[-/]\d{1,2}[-/]\d{1,2}(?:[T ]\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?)?$/;

function inspectTime(
  findings: FindingList,
  name: string,
  field: string,
  value: string,
  written: ColumnValue,
  index: number,
): void {
  const shown = showValue(field, value);
  if (typeof written === "string") {
    return findings.addField(
      "respelled-time",
      name,
      index,
      field,
      () => `is spelled ${shown}: the column holds the instant, the spelling is kept`,
    );
  }
  if (localTime.test(value)) {
    return findings.add(
      "time-without-zone",
      name,
      index,
      toPointer([field]),
      `is ${shown}, a time without a zone: the column stays empty`,
    );
  }
  findings.add("not-a-time", name, index, toPointer([field]), `is ${shown}, which is no time: the column stays empty`);
}

const typeWords: Record<Column["type"], string> = {
  text: "a string",
  integer: "a whole number of 32 bits",
  double: "a number",
  boolean: "true or false",
  timestamp: "a time",
  json: "any value",
};

function expected({ type }: Column): string {
  return typeWords[type];
}

function kept(written: ColumnValue): string {
  return written === null ? ": the column stays empty" : `: the column holds ${JSON.stringify(written)}`;
}

function describeUnknown(columns: ReadonlyMap<string, Column>, field: string, value: JsonValue): string {
  const similar = columns.keys().find((known) => known.toLowerCase() === field.toLowerCase());
  const hint = similar === undefined ? "" : `, and differs only by case from ${similar}`;
  return `has no column${hint}; the first value is ${showValue(field, value)}`;
}

function columnsOf(collection: TypedCollection): ReadonlyMap<string, Column> {
  let columns = columnsByCollection.get(collection);
  if (columns === undefined) {
    columns = new Map(collection.columns.map((column) => [column.field, column]));
    columnsByCollection.set(collection, columns);
  }
  return columns;
}
