import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isTooDeep, refuseDocument, toDocument, toRow } from "../../ops/collections/collection.ts";
import type { Row } from "../../ops/collections/collection.ts";
import { plannedCollections } from "../../ops/collections/registry.ts";
import { settings, toSettingsDocument, toSettingsRows } from "../../ops/collections/settings.ts";
import type { SettingsRow } from "../../ops/collections/settings.ts";
import { maximumDepth } from "../../ops/json/array-scanner.ts";
import { parseExact, stringifyExact } from "../../ops/json/value.ts";
import type { JsonValue } from "../../ops/json/value.ts";
import { jsonText } from "../json/arbitrary-text.ts";
import { findDifference } from "../migration/support/same-json.ts";
import { documentFields } from "./arbitrary-document.ts";

const typed = plannedCollections.filter((collection) => collection.kind === "typed");

describe.each(typed)("$name", (collection) => {
  test("toDocument(toRow(d)) is d, whatever the document holds", () => {
    const check = fc.property(fc.string({ minLength: 1 }), documentFields(collection), (id, fields) => {
      const document = Object.fromEntries<JsonValue>([["id", id], ...fields]);
      const row = toRow(collection, document);
      expect("reason" in row ? row.reason : undefined).toBe(refuseDocument(document));
      expect("reason" in row || findDifference(toDocument(collection, row), document) === undefined).toBe(true);
    });
    fc.assert(check, { numRuns: 1500 });
  });

  test("toRow takes any JSON value and refuses only what has no usable id", () => {
    const check = fc.property(jsonText, (text) => {
      const value = parseExact(text);
      const row = toRow(collection, value);
      expect("reason" in row ? row.reason : undefined).toBe(refuseDocument(value));
      expect("reason" in row || findDifference(toDocument(collection, row), value) === undefined).toBe(true);
    });
    fc.assert(check, { numRuns: 500 });
  });

  test("a field stands in its column or in the remainder, and in the column as the very value where it stands alone", () => {
    const check = fc.property(documentFields(collection), (fields) => {
      const { values, remainder } = toRow(collection, Object.fromEntries<JsonValue>([["id", "x"], ...fields])) as Row;
      for (const [field, value] of fields) {
        const place = collection.columns.findIndex((column) => column.field === field);
        expect(Object.hasOwn(remainder, field) || Object.is(values[place], value)).toBe(true);
      }
    });
    fc.assert(check, { numRuns: 500 });
  });
});

test("settings come back from their rows, whatever their keys are", () => {
  const check = fc.property(documentFields(settings), (fields) => {
    const document = Object.fromEntries<JsonValue>(fields);
    const rows = toSettingsRows(document) as SettingsRow[];
    expect(new Set(rows.map(({ key }) => key)).size).toBe(rows.length);
    const read = rows.map(({ key, value }) => ({ key, value: JSON.parse(stringifyExact(value)) as JsonValue }));
    expect(findDifference(toSettingsDocument(read), document)).toBeUndefined();
  });
  fc.assert(check, { numRuns: 1500 });
});

test("no settings document and an empty one are told apart", () => {
  expect(toSettingsDocument([])).toBeUndefined();
  expect(toSettingsDocument(toSettingsRows({}) as SettingsRow[])).toEqual({});
});

describe("refuses as a row a document with", () => {
  const unusable: [string, string, string][] = [
    ["no id", "{}", "no id"],
    ["an inherited name as its only id", '{"__proto__": {"id": "x"}}', "no id"],
    ["a number for an id", '{"id": 42}', "not a string (42)"],
    ["null for an id", '{"id": null}', "not a string (null)"],
    ["an array for an id", '{"id": ["a"]}', "not a string"],
    ["an empty id", '{"id": ""}', "empty id"],
    ["NUL in its id", '{"id": "a\\u0000"}', "NUL"],
    ["a lone surrogate in its id", '{"id": "\\ud83d"}', "lone surrogate"],
    ["an id of 901 bytes", `{"id": "${"x".repeat(901)}"}`, "901 bytes"],
    ["an id of 301 characters of three bytes", `{"id": "${"日".repeat(301)}"}`, "903 bytes"],
    ["an array around it", "[1]", "not an object (an array)"],
    ["nothing but null", "null", "not an object (null)"],
    ["nothing but a number that no double holds", "12345678901234567890", "not an object (a number)"],
  ];
  test.each(unusable)("%s", (_name, text, reason) => {
    expect(refuseDocument(parseExact(text))).toContain(reason);
  });
});

test("takes an id of up to 900 bytes", () => {
  for (const id of ["x".repeat(900), "x".repeat(899), "日".repeat(300)]) expect(refuseDocument({ id })).toBeUndefined();
});

test("counts levels of nesting as the scanner does", () => {
  const nested = (levels: number, leaf: string) => parseExact("[".repeat(levels) + leaf + "]".repeat(levels));
  for (const leaf of ["", "1", '"x"', "12345678901234567890"]) {
    expect(isTooDeep(nested(maximumDepth, leaf)), leaf).toBe(false);
    expect(isTooDeep(nested(maximumDepth + 1, leaf)), leaf).toBe(true);
    expect(isTooDeep(nested(50_000, leaf)), leaf).toBe(true);
  }
});
