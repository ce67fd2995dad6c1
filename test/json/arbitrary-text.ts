/** JSON as texts, spelled in every way that the grammar allows. */

import fc from "fast-check";

const space = fc.array(fc.constantFrom(" ", "\n", "\r", "\t", "\r\n"), { maxLength: 2 }).map((parts) => parts.join(""));

/** Numbers that a double holds, nearly holds and does not hold. */
export const oddNumbers = [
  "0",
  "-0",
  "-0.0",
  "0.0",
  "-0e5",
  "1",
  "-1",
  "1.10",
  "1E5",
  "1e+5",
  "1e-7",
  "1e21",
  "1e999",
  "-1e999",
  "5e-324",
  "2e-324",
  "9007199254740993",
  "12345678901234567890",
  "0.1",
  "0.30000000000000004",
  "1.7976931348623157e308",
  "0.1000000000000000055511151231257827",
  "123456789012345",
  "1234567890123456",
  "0.0000001",
  "1.0",
  "100e-2",
];

const number = fc.oneof(
  fc.constantFrom(...oddNumbers),
  fc.stringMatching(/^-?(0|[1-9]\d{0,19})(\.\d{1,19})?([eE][+-]?\d{1,3})?$/),
);

const piece = fc.constantFrom(
  '\\"',
  "\\\\",
  "\\/",
  "\\b",
  "\\f",
  "\\n",
  "\\r",
  "\\t",
  "\\u0000",
  "\\ud83d",
  "\\uD83D\\uDE00",
  "\\u0041",
  "\\\\u0041",
  "a",
  "é",
  "日本",
  "😀",
  "\u007f",
  "\u2028",
  ":",
  ",",
  "[",
  "]",
  "{",
  "}",
  "-0",
  "1e9",
  " ",
  "/",
  "'",
  "$json",
  "\\u0024json",
);

const string = fc.array(piece, { maxLength: 4 }).map((parts) => `"${parts.join("")}"`);
const key = fc.oneof(string, fc.constantFrom('"id"', '"a"', '""', '"__proto__"', '"constructor"', '"toJSON"'));

const { value } = fc.letrec<{ value: string }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    fc.oneof(number, string, fc.constantFrom("true", "false", "null")),
    fc
      .array(fc.tuple(space, tie("value"), space), { maxLength: 4 })
      .chain((items) => space.map((inner) => `[${inner}${items.map((item) => item.join("")).join(",")}]`)),
    fc
      .array(fc.tuple(space, key, space, fc.constant(":"), space, tie("value"), space), { maxLength: 4 })
      .chain((items) => space.map((inner) => `{${inner}${items.map((item) => item.join("")).join(",")}}`)),
  ),
}));

/** One JSON value. */
export const jsonText = value;

/** A file: an array of values, with white space wherever it may be. */
export const arrayText = fc
  .tuple(space, space, fc.array(fc.tuple(space, value, space), { maxLength: 6 }), space)
  .map(([before, inner, items, after]) => `${before}[${inner}${items.map((item) => item.join("")).join(",")}]${after}`);
