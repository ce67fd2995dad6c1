import truncatedWidth from "fast-string-truncated-width";

const ELLIPSIS = "…";

/** Columns that a text takes on a terminal: a Japanese character takes two. */
export function textWidth(text: string): number {
  return truncatedWidth(text).width;
}

/** The text cut to at most `columns`, with an ellipsis where something was cut; never half a wide character. */
export function fitWidth(text: string, columns: number): string {
  const result = truncatedWidth(text, { limit: columns, ellipsis: ELLIPSIS, ellipsisWidth: 1 });
  return result.truncated ? text.slice(0, result.index) + (result.ellipsed ? ELLIPSIS : "") : text;
}

/** The text with spaces added up to `columns`, on the left for `right` alignment. */
export function padWidth(text: string, columns: number, align: "left" | "right" = "left"): string {
  const space = " ".repeat(Math.max(0, columns - textWidth(text)));
  return align === "left" ? text + space : space + text;
}
