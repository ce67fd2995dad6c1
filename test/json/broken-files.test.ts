import { isUtf8 } from "node:buffer";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { brokenElement } from "../../ops/json/array-reader.ts";
import { OpsError } from "../../ops/errors.ts";
import { arrayText } from "./arbitrary-text.ts";
import { readAndParse, readWhole, useFiles } from "./read-whole.ts";

const writeText = useFiles();

/** What the judge says: the array that the bytes hold, or undefined when they are no JSON array in UTF-8. */
function judge(bytes: Uint8Array): unknown[] | undefined {
  if (!isUtf8(bytes)) return undefined;
  try {
    const value: unknown = JSON.parse(Buffer.from(bytes).toString("utf8"));
    return Array.isArray(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** What the reader says of the same bytes; a refusal is undefined, anything but a refusal is thrown. */
async function read(path: string, windowBytes: number): Promise<unknown[] | undefined> {
  try {
    return await readAndParse(path, { windowBytes });
  } catch (error) {
    if (error instanceof SyntaxError || (error instanceof OpsError && error.code === "broken-json")) return undefined;
    throw error;
  }
}

const windows = fc.constantFrom(1, 2, 3, 5, 8, 13, 4096);

test("refuses every truncation of a valid file", async () => {
  const check = fc.asyncProperty(arrayText, windows, async (text, windowBytes) => {
    const bytes = Buffer.from(text.trimEnd());
    const step = Math.max(1, Math.floor(bytes.length / 40));
    for (let length = 0; length < bytes.length; length += step) {
      expect(await read(await writeText(bytes.subarray(0, length)), windowBytes), `${length} bytes`).toBeUndefined();
    }
  });
  await fc.assert(check, { numRuns: 40 });
});

test("refuses a changed byte exactly when JSON.parse does, and reads the same values otherwise", async () => {
  const change = fc.record({
    at: fc.nat(),
    byte: fc.oneof(fc.integer({ min: 0, max: 255 }), fc.constantFrom(...Buffer.from('[]{},:"\\ -.e0tn'))),
  });
  const check = fc.asyncProperty(
    arrayText,
    fc.array(change, { minLength: 1, maxLength: 25 }),
    windows,
    async (text, changes, windowBytes) => {
      for (const { at, byte } of changes) {
        const bytes = Buffer.from(text);
        bytes[at % bytes.length] = byte;
        expect(await read(await writeText(bytes), windowBytes), bytes.toString("latin1")).toEqual(judge(bytes));
      }
    },
  );
  await fc.assert(check, { numRuns: 60 });
});

test("agrees with JSON.parse on texts made of JSON's own characters", async () => {
  const letters = fc.constantFrom(...'[]{},:"\\ 01-.eE+tfn'.split(""), "true", "null", '"a"', "\n");
  const text = fc.array(letters, { maxLength: 12 }).map((parts) => `[${parts.join("")}`);
  const check = fc.asyncProperty(text, windows, async (content, windowBytes) => {
    expect(await read(await writeText(content), windowBytes), content).toEqual(judge(Buffer.from(content)));
  });
  await fc.assert(check, { numRuns: 800 });
});

describe("names the place of", () => {
  /** Content, line, column, and a part of the message. The column counts characters. */
  const places: [string, string | Buffer, number, number, string][] = [
    ["an empty file", "", 1, 1, "the file is empty"],
    ["a file of white space", " \n \n", 3, 1, "the file is empty"],
    ["a byte order mark", "\ufeff[]", 1, 1, "byte order mark"],
    ["an object", '\n  {"a": 1}', 2, 3, "an object, not an array"],
    ["a scalar", "12", 1, 1, 'found "1"'],
    ["a missing closing bracket", "[\n1,\n2\n", 4, 1, "before the closing ]"],
    ["a comma before the closing bracket", "[1,\n2,\n]", 3, 1, "a comma stands before the closing ]"],
    ["a comma at the start", "[,1]", 1, 2, "found a comma"],
    ["two commas", "[1,,2]", 1, 4, "another comma"],
    ["a missing comma", '[{"a":1}\n {"b":2}]', 2, 2, "expected , or ]"],
    ["text behind the array", "[1]\n\nx", 3, 1, "after the closing ]"],
    ["a second array", "[1][2]", 1, 4, "after the closing ]"],
    ["a file that ends inside a string", '[{"a": "日本', 1, 11, "ends inside a string"],
    ["a file that ends inside an element", '[{"a": 1', 1, 9, "ends inside an element"],
    ["a stray character behind multi-byte ones", '["日本😀", "é" x]', 1, 13, "expected , or ]"],
    ["a fault behind CRLF line ends", "[\r\n1,\r\n  2 3]", 3, 5, "expected , or ]"],
    [
      "a byte that is no UTF-8",
      Buffer.from([0x5b, 0x0a, 0x22, 0xc3, 0xa9, 0xff, 0x22, 0x5d]),
      2,
      3,
      "byte 0xff is not valid UTF-8",
    ],
    ["a byte that is no UTF-8 between elements", Buffer.from([0x5b, 0x31, 0x80, 0x5d]), 1, 3, "byte 0x80"],
  ];

  test.each(places)("%s", async (_name, content, line, column, message) => {
    const path = await writeText(content, "events.json");
    for (const windowBytes of [1, 3, 4096]) {
      const refusal = readWhole(path, { windowBytes });
      await expect(refusal).rejects.toMatchObject({ code: "broken-json", details: { file: path, line, column } });
      await expect(refusal).rejects.toThrow(`events.json:${line}:${column}: `);
      await expect(refusal).rejects.toThrow(message);
    }
  });

  /** An element that only JSON.parse refuses, alone in a file whose first line has a multi-byte character. */
  const elements: [string, string, number, number, string][] = [
    ["a key without quotes", "{\n  a: 1}", 3, 3, "expected a key in double quotes"],
    ["a comma behind the last key", '{"a": 1,}', 2, 9, "expected a key"],
    ["a missing colon", '{"日" 1}', 2, 6, "expected : after a key"],
    ["a control character in a string", '{"a": "x\ty"}', 2, 9, "control character (0x09)"],
    ["an unknown escape", '{"a": "x\\qy"}', 2, 10, "\\q is no JSON escape"],
    ["a short \\u escape", '{"a": "\\u12g4"}', 2, 12, "four hexadecimal digits"],
    ["a leading zero", '{"a": 012}', 2, 8, "leading zero"],
    ["a number without a fraction", '{"a": 1.}', 2, 9, "needs a digit"],
    ["a lone minus", "-", 2, 2, "needs a digit"],
    ["a misspelt literal", '{"a": trUe}', 2, 9, "expected true"],
    ["NaN", "NaN", 2, 1, 'expected a value, found "N"'],
    ["brackets that do not match", '{"a": [1}', 2, 9, "expected , or ]"],
  ];

  test.each(elements)("an element with %s", async (_name, element, line, column, message) => {
    const head = '["é",\n';
    const path = await writeText(`${head}${element}]`, "events.json");
    const error = await brokenElement(path, Buffer.from(element), Buffer.byteLength(head));
    expect(error).toMatchObject({ code: "broken-json", details: { line, column } });
    expect(error.message).toContain(message);
    expect(error.hint).toContain(`line ${line}, column ${column}`);
  });
});
