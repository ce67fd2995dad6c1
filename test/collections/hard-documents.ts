/** Documents that break naive copying, as JSON texts. */

import { plannedCollections } from "../../ops/collections/registry.ts";
import { maximumDepth } from "../../ops/json/array-scanner.ts";
import { oddNumbers } from "../json/arbitrary-text.ts";
import { oddTimes } from "./arbitrary-document.ts";

const nested = (levels: number) => `${'{"a":['.repeat(levels / 2)}${"]}".repeat(levels / 2)}`;

/** Values as JSON texts. */
export const hardValues: readonly string[] = [
  ...oddNumbers,
  ...oddTimes.map((time) => JSON.stringify(time)),
  '"\\u0000"',
  '"a\\u0000b"',
  '"\\ud83d"',
  '"\\ude00\\ud83d"',
  '"\\\\u0000"',
  '"\\\\N"',
  '"\\\\."',
  '"a\\tb\\nc\\rd"',
  '"\\b\\f\\u000b\\u007f\\u0085\\u2028\\ufeff"',
  '""',
  '{"":""}',
  '{"":{"":[]}}',
  "[]",
  "{}",
  "[[],{}]",
  "null",
  "true",
  "false",
  '[null,"null"]',
  '"{\\"$json\\":1}"',
  '{"$json":"1"}',
  '{"$json":1}',
  '{"$json":{"$json":"\\"x\\""}}',
  '{"a":{"$json":"-0"},"b":-0}',
  '{"\\u0024json":"1"}',
  '{"$json:":1}',
  '{"__proto__":{"x":1},"constructor":null,"toJSON":"t","hasOwnProperty":0}',
  '{"\\u0000":1,"\\ud800":{"\\u0000":[-0]}}',
  '{"a":1,"a":2}',
  '{"n":[12345678901234567890,-0,1e999,{"m":1e-400}]}',
  '{"rawJSON":"1"}',
  JSON.stringify("x".repeat(300_000)),
  JSON.stringify("日".repeat(100_000)),
  `{"k${"y".repeat(70_000)}":1}`,
  nested(maximumDepth - 2),
];

const fields = [
  ...new Set(
    plannedCollections.flatMap((collection) =>
      collection.kind === "typed" ? collection.columns.map(({ field }) => field) : [],
    ),
  ),
];

/** Each hard value under a field that no collection maps, and in every field that one maps: the members of an object. */
export const hardMembers: readonly string[] = hardValues.flatMap((value) => {
  const everywhere = fields.map((field) => `${JSON.stringify(field)}:${value}`).join(",");
  return value.length > 1000
    ? [`"other":${value}`, `"title":${value},"email":${value},"data":${value}`]
    : [`"other":${value}`, everywhere];
});

/** Ids at the limit of an index entry and with characters that COPY treats specially. */
export const hardIds: readonly string[] = [
  "x".repeat(899),
  "x".repeat(900),
  "日".repeat(300),
  `${"日".repeat(299)}é`,
  "😀".repeat(225),
  "\\N",
  "\\.",
  "a	b",
  "a\nb",
  "a\r\nb",
  "\\",
  "\\t",
  "'",
  '"',
  "$json",
  "__proto__",
  " x ",
  "x ",
  "é",
  "é",
  "",
  "﻿",
  "NULL",
];

/** Elements that cannot be rows. */
export const unusableElements: readonly string[] = [
  "null",
  "1",
  "-0",
  "12345678901234567890",
  '"text"',
  "[]",
  '[{"id":"inside"}]',
  "{}",
  '{"id":null}',
  '{"id":42}',
  '{"id":""}',
  '{"id":"a\\u0000"}',
  '{"id":"\\ud83d"}',
  `{"id":"${"x".repeat(901)}"}`,
  '{"__proto__":{"id":"x"}}',
  '{ "id" : [ "spaced" ] }',
  `{"id":"deep","a":${nested(maximumDepth)}}`,
  `{"id":"deeper","n":-0,"a":${nested(50_000)}}`,
];
