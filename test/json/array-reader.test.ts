import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ElementFlag, maximumDepth } from "../../ops/json/array-scanner.ts";
import { isStorableText } from "../../ops/json/escape.ts";
import { isRawJson, parseExact } from "../../ops/json/value.ts";
import { arrayText } from "./arbitrary-text.ts";
import { readAndParse, readWhole, useFiles } from "./read-whole.ts";

const writeText = useFiles();
const windows = [1, 2, 3, 4, 5, 6, 7, 8, 9, 16, 61, 4096];

describe("reading an array", () => {
  test("finds exactly the elements of JSON.parse, whatever the window", async () => {
    const check = fc.asyncProperty(arrayText, async (text) => {
      const path = await writeText(text);
      for (const windowBytes of windows) {
        const elements = await readWhole(path, { windowBytes });
        expect(elements.map((element) => JSON.parse(element.text) as unknown)).toEqual(JSON.parse(text));
        expect(elements.map(({ index }) => index)).toEqual(elements.map((_, i) => i));
      }
    });
    await fc.assert(check, { numRuns: 120 });
  });

  test("counts the keys that each element spells out, repeated ones too", async () => {
    const check = fc.asyncProperty(arrayText, fc.constantFrom(...windows), async (text, windowBytes) => {
      for (const { text: element, keys } of await readWhole(await writeText(text), { windowBytes })) {
        expect(keys).toBe(element.replaceAll(/"(?:[^"\\]|\\.)*"/gs, "").split(":").length - 1);
      }
    });
    await fc.assert(check, { numRuns: 150 });
  });

  test("flags every element that needs care, whatever the window", async () => {
    const check = fc.asyncProperty(arrayText, fc.constantFrom(...windows), async (text, windowBytes) => {
      for (const { text: element, flags } of await readWhole(await writeText(text), { windowBytes })) {
        expect(flags & neededFlags(element), element).toBe(neededFlags(element));
        expect(flags !== 0 || holdsOnlyPlainValues(parseExact(element)), element).toBe(true);
      }
    });
    await fc.assert(check, { numRuns: 300 });
  });

  test("does not flag a plain element, so that the fast path is taken", async () => {
    const text = '[{"id":"a","n":12345.5,"s":"x\\ny","b":[true,null,{}]}, "é", 123456789012345]';
    for (const { flags } of await readWhole(await writeText(text))) expect(flags).toBe(0);
  });

  test.each([1, 7, 100, 1 << 20])("flags nesting deeper than the limit in windows of %d bytes", async (windowBytes) => {
    const deep = (levels: number) => '{"a":['.repeat(levels / 2) + "]}".repeat(levels / 2);
    const path = await writeText(`[${deep(maximumDepth)},${deep(maximumDepth + 2)},${deep(50_000)}]`);
    const flags = (await readWhole(path, { windowBytes })).map((element) => element.flags);
    expect(flags).toEqual([0, ElementFlag.tooDeep, ElementFlag.tooDeep]);
  });

  test("delivers more elements than one window may hold", async () => {
    const values = Array.from({ length: 30_000 }, (_, i) => i);
    expect(await readAndParse(await writeText(JSON.stringify(values)))).toEqual(values);
  });

  test("reads an element that is larger than many windows", async () => {
    const values = ["a", "日".repeat(100_000), { b: "\\".repeat(5000) }];
    expect(await readAndParse(await writeText(JSON.stringify(values)), { windowBytes: 64 })).toEqual(values);
  });

  test("shows every byte once and in order to whoever hashes them", async () => {
    const check = fc.asyncProperty(arrayText, fc.constantFrom(...windows), async (text, windowBytes) => {
      const seen: Buffer[] = [];
      await readWhole(await writeText(text), { windowBytes, onBytes: (bytes) => seen.push(Buffer.from(bytes)) });
      expect(Buffer.concat(seen).toString()).toBe(text);
    });
    await fc.assert(check, { numRuns: 60 });
  });
});

describe("resuming", () => {
  test("behind any element gives the rest", async () => {
    const check = fc.asyncProperty(arrayText, fc.constantFrom(...windows), async (text, windowBytes) => {
      const path = await writeText(text);
      const all = await readWhole(path);
      for (const [i, { end }] of all.entries()) {
        const rest = await readWhole(path, { windowBytes, from: { offset: end, index: i + 1 } });
        expect(rest.map(({ text: element, index }) => [element, index])).toEqual(
          all.slice(i + 1).map(({ text: element, index }) => [element, index]),
        );
      }
    });
    await fc.assert(check, { numRuns: 80 });
  });

  test("refuses a file that ends where it should go on", async () => {
    const path = await writeText("[1,2");
    await expect(readWhole(path, { from: { offset: 2, index: 1 } })).rejects.toMatchObject({ code: "broken-json" });
  });
});

/** The flags that an element has to have, told without the scanner. */
function neededFlags(element: string): number {
  const number = holdsExactNumber(parseExact(element)) ? ElementFlag.number : 0;
  const unicodeEscape = /^(?:[^\\]|\\[^u])*\\u/s.test(element) ? ElementFlag.unicodeEscape : 0;
  return number | unicodeEscape | (escapesKey(element) ? ElementFlag.escapedKey : 0);
}

/** Looks at each string that a colon follows. */
function escapesKey(element: string): boolean {
  const strings = element.replaceAll(/\\./gs, "\\x").matchAll(/"([^"]*)"\s*(:?)/g);
  return [...strings].some(([, text, colon]) => colon === ":" && text!.includes("\\"));
}

function holdsExactNumber(value: unknown): boolean {
  if (isRawJson(value) || Object.is(value, -0)) return true;
  return typeof value === "object" && value !== null && Object.values(value).some(holdsExactNumber);
}

/** What an unflagged element promises to those who parse it the fast way. */
function holdsOnlyPlainValues(value: unknown): boolean {
  if (typeof value === "string") return isStorableText(value);
  if (isRawJson(value) || Object.is(value, -0)) return false;
  if (typeof value !== "object" || value === null) return true;
  return Object.entries(value).every(([key, item]) => isStorableText(key) && holdsOnlyPlainValues(item));
}
