import { expect, test } from "vitest";

import { formatTable } from "../../ops/cli/table.ts";
import { fitWidth, textWidth } from "../../ops/cli/text-width.ts";
import { formatCount, formatDuration, formatMegabytes } from "../../ops/cli/quantities.ts";

test("aligns numbers right and texts left, counting Japanese characters as two columns", () => {
  const lines = formatTable(
    ["collection", "documents"],
    [
      ["参加者", 1234],
      ["events", 5n],
    ],
  );
  expect(lines).toEqual(["collection  documents", "参加者          1,234", "events              5"]);
  expect(new Set(lines.map(textWidth)).size).toBe(1);
});

test("keeps a column of texts left although one of them looks like a number", () => {
  expect(
    formatTable(
      ["a", "b"],
      [
        ["1", "x"],
        ["long", "y"],
      ],
    ),
  ).toEqual(["a     b", "1     x", "long  y"]);
});

test("prints the heading alone when there is nothing to list", () => {
  expect(formatTable(["collection", "documents"], [])).toEqual(["collection  documents"]);
});

test.each([
  { text: "abcdef", columns: 6, fitted: "abcdef" },
  { text: "abcdefg", columns: 6, fitted: "abcde…" },
  { text: "参加者データ", columns: 7, fitted: "参加者…" },
  { text: "参加者データ", columns: 6, fitted: "参加…" },
  { text: "", columns: 5, fitted: "" },
])("cuts $text to $columns columns without half a character", ({ text, columns, fitted }) => {
  expect(fitWidth(text, columns)).toBe(fitted);
});

test.each([
  [0, "0.0 s"],
  [949, "0.9 s"],
  [9949, "9.9 s"],
  [9950, "10 s"],
  [59_400, "59 s"],
  [59_600, "1 min 00 s"],
  [185_000, "3 min 05 s"],
  [7_800_000, "2 h 10 min"],
])("says %i milliseconds as %s", (milliseconds, text) => {
  expect(formatDuration(milliseconds)).toBe(text);
});

test("writes counts with separators and bytes as megabytes of 10^6", () => {
  expect([formatCount(1234567), formatCount(12n), formatMegabytes(12_345_678), formatMegabytes(0)]).toEqual([
    "1,234,567",
    "12",
    "12.3",
    "0.0",
  ]);
});
