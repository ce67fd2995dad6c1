/** Looks into the values of a document at any depth. */

import { ElementFlag } from "../../json/array-scanner.ts";
import { isStorableText } from "../../json/escape.ts";
import { isRawJson } from "../../json/value.ts";
import type { JsonValue } from "../../json/value.ts";
import { toPointer } from "./finding.ts";
import { showValue } from "./show-value.ts";
import { similarKeys } from "./similar-keys.ts";

/** Hears of an oddity inside a document. */
export type ReportValue = (
  kind: "unstorable-text" | "inexact-number" | "similar-keys",
  pointer: string,
  message: string,
) => void;

/**
 * Reports texts that PostgreSQL refuses, numbers that a double does not hold and keys that differ only by case.
 *
 * @param flags what the scanner saw in the text, so that only these documents are searched for texts and numbers
 * @returns the number of keys in all objects together
 */
export function inspectValues(document: JsonValue, flags: number, report: ReportValue): number {
  const path: (string | number)[] = [];
  const texts = (flags & ElementFlag.unicodeEscape) !== 0;
  const numbers = (flags & ElementFlag.number) !== 0;

  const inspect = (value: JsonValue): number => {
    if (typeof value === "string") return texts ? inspectText(value) : 0;
    if (typeof value === "number")
      return numbers && Object.is(value, -0) ? reportNumber("is minus zero, which JSON.stringify writes as 0") : 0;
    if (typeof value !== "object" || value === null) return 0;
    if (isRawJson(value))
      return reportNumber(`is ${showValue(nameOf(path), value)}, which a double does not hold exactly`);
    return Array.isArray(value) ? inspectItems(value) : inspectFields(value);
  };
  const inspectText = (text: string): number => {
    if (!isStorableText(text)) report("unstorable-text", toPointer(path), `holds ${describeUnstorable(text)}`);
    return 0;
  };
  const reportNumber = (message: string): number => {
    report("inexact-number", toPointer(path), message);
    return 0;
  };
  const inspectItems = (items: JsonValue[]): number => {
    let count = 0;
    for (let i = 0; i < items.length; i += 1) count += inspectAt(i, items[i]!);
    return count;
  };
  const inspectFields = (fields: Record<string, JsonValue>): number => {
    const keys = Object.keys(fields);
    const similar = similarKeys(keys);
    if (similar !== undefined)
      report(
        "similar-keys",
        toPointer(path),
        `has the keys ${similar.map((key) => JSON.stringify(key)).join(" and ")}`,
      );
    let count = keys.length;
    for (const key of keys) {
      if (texts && !isStorableText(key))
        report("unstorable-text", toPointer([...path, key]), `has ${describeUnstorable(key)} in its name`);
      count += inspectAt(key, fields[key]!);
    }
    return count;
  };
  const inspectAt = (place: string | number, value: JsonValue): number => {
    if (!texts && !numbers && (typeof value !== "object" || value === null)) return 0;
    path.push(place);
    const count = inspect(value);
    path.pop();
    return count;
  };
  return inspect(document);
}

function nameOf(path: readonly (string | number)[]): string {
  return path.findLast((part) => typeof part === "string") ?? "";
}

function describeUnstorable(text: string): string {
  return text.includes("\0") ? "a NUL character" : "half of a surrogate pair";
}
