import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { escapeFields, escapeJson, unescapeFields, unescapeJson } from "../../ops/json/escape.ts";
import { isRawJson, parseExact, parsePlain, stringifyExact } from "../../ops/json/value.ts";
import type { JsonObject } from "../../ops/json/value.ts";
import { jsonText, oddNumbers } from "./arbitrary-text.ts";

/** A decimal text as an exact fraction, read without help of the code under test. */
function exactValue(text: string): string {
  const [, sign, integer, fraction = "", exponent = "0"] = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(text)!;
  const digits = `${integer}${fraction}`.replace(/^0+(?=\d)/, "");
  const zeros = /0*$/.exec(digits)![0].length;
  if (/^0*$/.test(digits)) return `${sign}0`;
  return `${sign}${digits.slice(0, digits.length - zeros)} e ${Number(exponent) - fraction.length + zeros}`;
}

describe("numbers", () => {
  test.each(oddNumbers)("%s keeps its value through parseExact and stringifyExact", (text) => {
    expect(exactValue(stringifyExact(parseExact(text)))).toBe(exactValue(text));
  });

  const kept = [
    "12345678901234567890",
    "1e999",
    "-1e999",
    "2e-324",
    "9007199254740993",
    "0.1000000000000000055511151231257827",
  ];
  test.each(kept)("%s, which no double spells, is kept digit by digit", (text) => {
    expect(isRawJson(parseExact(text))).toBe(true);
    expect(stringifyExact(parseExact(`[${text}]`))).toBe(`[${text}]`);
  });

  const doubles: [string, number][] = [
    ["1.10", 1.1],
    ["1E5", 100_000],
    ["1.0", 1],
    ["100e-2", 1],
    ["5e-324", 5e-324],
    ["1e21", 1e21],
    ["1000000000000000000000", 1e21],
    ["-0", -0],
    ["-0.0e3", -0],
    ["0.1", 0.1],
  ];
  test.each(doubles)("%s, which a double holds, is a plain number", (text, value) => {
    expect(Object.is(parseExact(text), value)).toBe(true);
  });

  test("any number keeps its value", () => {
    const number = fc.stringMatching(/^-?(0|[1-9]\d{0,24})(\.\d{1,24})?([eE][+-]?\d{1,3})?$/);
    const check = fc.property(number, (text) => {
      expect(exactValue(stringifyExact(parseExact(text)))).toBe(exactValue(text));
    });
    fc.assert(check, { numRuns: 3000 });
  });

  test("what JSON has no word for is refused", () => {
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY])
      expect(() => stringifyExact({ value })).toThrow(TypeError);
  });
});

test("parseExact refuses what JSON.parse refuses", () => {
  for (const text of ["", "{", "01", "[1,]", "nul", "NaN", "\ufeff1"])
    expect(() => parseExact(text)).toThrow(SyntaxError);
});

test("parseExact reads a value of any depth, exact numbers and odd keys included", () => {
  const depth = 60_000;
  const leaf = '{"__proto__": 12345678901234567890, "s": "a\\"]}\\\\", "e": [], "o": {}, "t": [true, null, -0]}';
  const text = '{"a":['.repeat(depth) + leaf + "]}".repeat(depth);
  let value = parseExact(text);
  for (let i = 0; i < depth; i += 1) value = (value as { a: (typeof value)[] }).a[0]!;
  expect(stringifyExact(value)).toBe(
    '{"__proto__":12345678901234567890,"s":"a\\"]}\\\\","e":[],"o":{},"t":[true,null,-0]}',
  );
});

describe("keys spelled with escapes are not mistaken for keys read before", () => {
  /** The key that objects of one shape had, and the text of another key whose escape looks like it. */
  const pairs: [string, string, string][] = [
    ['"\\\\"', '"\\f"', "\f"],
    ['"\\\\u0041"', '"\\\\u0041,"', "\\u0041,"],
    ['"\\\\\\""', '"\\\\n"', "\\n"],
    ['"\\\\u"', '"\\u0042\\u0043"', "BC"],
  ];

  test.each(pairs)("%s before %s", (before, text, key) => {
    for (const parse of [parseExact, parsePlain]) {
      for (let i = 0; i < 3; i += 1) JSON.parse(`[{"shape":1,${before}:2},{"shape":1,${before}:3}]`);
      expect(Object.keys(parse(`{"shape":1,${text} \n: 2}`) as JsonObject)).toEqual(["shape", key]);
    }
  });
});

describe("escaped JSON", () => {
  test("comes back as the value that went in, and holds nothing that jsonb refuses or changes", () => {
    const check = fc.property(jsonText, (text) => {
      const value = parseExact(text);
      const stored = stringifyExact(escapeJson(value));
      expect(stored).not.toMatch(/(?<!\\)(?:\\\\)*\\u(?:0000|d[89a-f])/i);
      expect(stringifyExact(unescapeJson(JSON.parse(stored)))).toBe(stringifyExact(value));
    });
    fc.assert(check, { numRuns: 3000 });
  });

  test("of fields keeps each plain field under its own name", () => {
    const fields = parseExact('{"plain":1,"$json":2,"\\u0000":3,"__proto__":4,"deep":{"$json":"5"}}') as JsonObject;
    const stored = escapeFields(fields);
    expect(Object.keys(stored).toSorted()).toEqual(["$json", "__proto__", "deep", "plain"]);
    const back = unescapeFields(JSON.parse(stringifyExact(stored)) as JsonObject);
    expect(Object.fromEntries(Object.entries(back))).toEqual(Object.fromEntries(Object.entries(fields)));
    expect(Object.keys(back)).toContain("__proto__");
  });
});
