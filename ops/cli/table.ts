import { formatCount } from "./quantities.ts";
import { padWidth, textWidth } from "./text-width.ts";

type Cell = string | number | bigint;

const GAP = "  ";

/**
 * Lines of a table: a heading, then one line per row; columns of numbers are aligned right, and widths count Japanese
 * characters as two columns.
 *
 * @param heading one name per column
 * @param rows cells in the order of the heading; numbers get thousands separators
 */
export function formatTable(heading: readonly string[], rows: readonly (readonly Cell[])[]): string[] {
  const texts = [heading, ...rows.map((row) => row.map(cellText))];
  const columns = heading.map((_, column) => ({
    width: Math.max(...texts.map((row) => textWidth(row[column] ?? ""))),
    align: isNumeric(rows, column) ? ("right" as const) : ("left" as const),
  }));
  return texts.map((row) =>
    columns
      .map(({ width, align }, column) => padWidth(row[column] ?? "", width, align))
      .join(GAP)
      .trimEnd(),
  );
}

function cellText(cell: Cell): string {
  return typeof cell === "string" ? cell : formatCount(cell);
}

function isNumeric(rows: readonly (readonly Cell[])[], column: number): boolean {
  return rows.length > 0 && rows.every((row) => typeof row[column] !== "string");
}
