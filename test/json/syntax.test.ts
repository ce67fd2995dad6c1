import { isUtf8 } from "node:buffer";
import fc from "fast-check";
import { expect, test } from "vitest";
import { findInvalidUtf8, findSyntaxProblem } from "../../ops/json/syntax.ts";
import { jsonText } from "./arbitrary-text.ts";

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** Where V8 says that it stopped, when it says so. */
function offsetOf(text: string): number | undefined {
  try {
    JSON.parse(text);
    return undefined;
  } catch (error) {
    const match = /at position (\d+)/.exec((error as Error).message);
    return match ? Number(match[1]) : undefined;
  }
}

test("finds no problem in valid JSON", () => {
  const check = fc.property(jsonText, (text) => {
    expect(findSyntaxProblem(Buffer.from(text))).toBeUndefined();
  });
  fc.assert(check, { numRuns: 1000 });
});

test("agrees with JSON.parse on every single change of a valid text", () => {
  const replacement = fc.constantFrom(...'[]{},:"\\ 01-.eE+tfnu\n\t\u0000é'.split(""), "");
  const check = fc.property(jsonText, fc.nat(), replacement, fc.boolean(), (text, place, character, insert) => {
    const at = place % (text.length + 1);
    const changed = (text.slice(0, at) + character + text.slice(insert ? at : at + 1)).toWellFormed();
    expect(findSyntaxProblem(Buffer.from(changed)) === undefined, changed).toBe(isJson(changed));
  });
  fc.assert(check, { numRuns: 5000 });
});

test("stops at the byte at which JSON.parse stops", () => {
  const letters = fc.constantFrom(...'[]{},:"\\ 01-.eE+tfn'.split(""), "true", "null", '"a"', '"a":', "1,");
  const check = fc.property(fc.array(letters, { maxLength: 8 }), (parts) => {
    const text = parts.join("");
    const expected = offsetOf(text);
    if (expected === undefined) return;
    const { offset } = findSyntaxProblem(Buffer.from(text))!;
    expect(offset, text).toBe(expected);
  });
  fc.assert(check, { numRuns: 3000 });
});

test("explains a text of any depth without overflowing the stack", () => {
  const depth = 200_000;
  expect(findSyntaxProblem(Buffer.from("[".repeat(depth) + "]".repeat(depth)))).toBeUndefined();
  expect(findSyntaxProblem(Buffer.from("[".repeat(depth) + "}"))).toMatchObject({ offset: depth });
});

const malformed: [string, number[], number][] = [
  ["a continuation byte alone", [0x41, 0x80], 1],
  ["an overlong slash", [0xc0, 0xaf], 0],
  ["an overlong NUL", [0x41, 0xc0, 0x80], 1],
  ["an overlong of three bytes", [0xe0, 0x9f, 0xbf], 0],
  ["an overlong of four bytes", [0xf0, 0x8f, 0xbf, 0xbf], 0],
  ["a surrogate", [0xed, 0xa0, 0x80], 0],
  ["a surrogate pair in UTF-8 (CESU-8)", [0x41, 0xed, 0xa0, 0xbd, 0xed, 0xb8, 0x80], 1],
  ["a code point behind U+10FFFF", [0xf4, 0x90, 0x80, 0x80], 0],
  ["a lead byte of five", [0xf8, 0x88, 0x80, 0x80, 0x80], 0],
  ["0xff", [0xc3, 0xa9, 0xff], 2],
  ["a sequence of two cut off", [0x41, 0xc3], 1],
  ["a sequence of three cut off", [0xe6, 0x97], 0],
  ["a sequence of four cut off", [0xf0, 0x9f, 0x98], 0],
  ["a sequence broken by ASCII", [0xe6, 0x41, 0xa5], 0],
];

test.each(malformed)("finds %s", (_name, bytes, offset) => {
  expect(isUtf8(Buffer.from(bytes))).toBe(false);
  expect(findInvalidUtf8(Buffer.from(bytes))).toBe(offset);
});

test("takes the first and last code point of every length of UTF-8", () => {
  const text = "\u0000\u007f\u0080\u07ff\u0800\ud7ff\ue000\uffff\u{10000}\u{10ffff}";
  expect(findInvalidUtf8(Buffer.from(text))).toBe(-1);
});

test("agrees with the runtime on random bytes", () => {
  const byte = fc.oneof(
    fc.integer({ min: 0, max: 255 }),
    fc.constantFrom(0xc2, 0xe0, 0xed, 0xf0, 0xf4, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf),
  );
  const check = fc.property(fc.array(byte, { maxLength: 8 }), (bytes) => {
    expect(findInvalidUtf8(Buffer.from(bytes)) === -1).toBe(isUtf8(Buffer.from(bytes)));
  });
  fc.assert(check, { numRuns: 5000 });
});
