/** Documents of each collection whose mapped fields get every kind of value. */

import fc from "fast-check";
import type { Collection } from "../../ops/collections/collection.ts";
import type { Column, ColumnType } from "../../ops/collections/column.ts";
import { plannedCollections } from "../../ops/collections/registry.ts";
import { parseExact } from "../../ops/json/value.ts";
import type { JsonValue } from "../../ops/json/value.ts";
import { jsonText } from "../json/arbitrary-text.ts";

/** Times that look like times: canonical, zoned, local, of days that do not exist. */
export const oddTimes = [
  "2025-06-29T15:16:56.399Z",
  "2025-06-29T15:16:56Z",
  "2025-07-30T19:00:00+09:00",
  "2025-07-30T19:00+09:00",
  "0000-01-01T00:00:00.000Z",
  "0001-01-01T00:00:00.000Z",
  "9999-12-31T23:59:59.999Z",
  "+275760-09-13T00:00:00.000Z",
  "2024-02-29T00:00:00.000Z",
  "2023-02-29T00:00:00.000Z",
  "1900-02-29T00:00:00.000Z",
  "2000-02-29T23:59:59.999Z",
  "2025-01-01T24:00:00Z",
  "2025-01-01t00:00:00z",
  "2025-01-01T00:00:00-00:00",
  "2025-01-01T00:00:00.1234567Z",
  "2025-01-01",
  "2025-01-01T10:00",
  "2027/1/1 10:00",
  "",
  "infinity",
  "now",
  "2016-12-31T23:59:60Z",
];

const oddTexts = [
  "",
  " ",
  "x",
  "X",
  "\\N",
  "\\.",
  "a\tb",
  "a\nb\r",
  "\\",
  "a\\nb",
  "\u0000",
  "a\u0000b",
  "\ud83d",
  "\ude00x",
  "😀",
  "e\u0301",
  "\u00e9",
  "\ufeff",
  "\b\f\v\u007f\u0085",
  "null",
  "{}",
  "日本",
];

const likely: Record<ColumnType, fc.Arbitrary<JsonValue>> = {
  text: fc.oneof(
    fc.constantFrom(...oddTexts),
    fc.string({ unit: "binary" }),
    fc.string({ unit: fc.integer({ min: 0, max: 0xffff }).map((unit) => String.fromCharCode(unit)) }),
  ),
  integer: fc.oneof(
    fc.integer(),
    fc.constantFrom<JsonValue>(
      -0,
      0,
      20,
      "20",
      "007",
      "-0",
      "2147483648",
      2147483647,
      -2147483648,
      2147483648,
      5.5,
      "5.5",
      1e21,
    ),
  ),
  double: fc.oneof(
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.constantFrom<JsonValue>("4.5", "-0", "-0.0", 1e21, 1e-7, 5e-324, 0.1, "1e5", 2 ** 53 + 2),
  ),
  boolean: fc.constantFrom<JsonValue>(true, false, "true", "false", "1", "0", 1, 0, -0, "yes", 2),
  timestamp: fc.oneof(
    fc.constantFrom(...oddTimes),
    fc.date({ noInvalidDate: true }).map((date) => date.toISOString()),
  ),
  json: fc.oneof(jsonText.map(parseExact), fc.constant({ name: "hall", capacity: 50, online: false, $json: "1" })),
};

/** Ids that other documents may name, so that references and repeated registrations occur. */
export const eventIds = ["event-001", "event-002", "\\N", "a\tb"];
const emails = ["a@example.com", "A@Example.com", "b@example.com", "tab\t@example.com"];

function fieldValue(column: Column): fc.Arbitrary<JsonValue> {
  const known =
    column.name === "event_id"
      ? eventIds
      : column.name === "email"
        ? emails
        : column.name === "speaker_id"
          ? ["id-0", "id-1"]
          : [];
  const usual = known.length > 0 ? fc.oneof(fc.constantFrom(...known), likely[column.type]) : likely[column.type];
  return fc.oneof(
    { weight: 4, arbitrary: usual },
    { weight: 1, arbitrary: jsonText.map(parseExact) },
    { weight: 1, arbitrary: fc.constant(null) },
  );
}

const oddKeys = [
  "__proto__",
  "constructor",
  "toJSON",
  "hasOwnProperty",
  "remainder",
  "position",
  "duplicate_of",
  "event_id",
  "$json",
  "$json:",
  "",
  "\u0000",
  "\ud800",
  "ID",
  " id",
];

/** Any columns' fields, to be mixed into documents where they mean nothing. */
const allFields = plannedCollections.flatMap((collection) =>
  collection.kind === "typed" ? collection.columns.map(({ field }) => field) : [],
);

/**
 * Documents as their fields, without an id.
 *
 * @param collection decides which fields are likely
 */
export function documentFields(collection: Collection): fc.Arbitrary<[string, JsonValue][]> {
  const columns = collection.kind === "typed" ? collection.columns : [];
  const mapped = columns.map((column) =>
    fc.option(fieldValue(column), { nil: undefined, freq: 3 }).map((value) => [column.field, value] as const),
  );
  const key = fc.oneof(fc.constantFrom(...oddKeys), fc.constantFrom(...allFields), fc.string());
  const extra = fc.array(fc.tuple(key, jsonText.map(parseExact)), { maxLength: 4 });
  return fc.tuple(fc.tuple(...mapped), extra).map(([typed, others]) => {
    const set = typed.filter((pair): pair is [string, JsonValue] => pair[1] !== undefined);
    const names = new Set(["id", ...set.map(([name]) => name)]);
    return [...set, ...others.filter(([name]) => !names.has(name) && names.add(name))];
  });
}
