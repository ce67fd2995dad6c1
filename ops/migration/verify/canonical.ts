/**
 * The canonical form of a JSON value: two values have the same form exactly when they are equal as JSON. Types are tagged
 * and lengths are written, so that no value can slide from one field into the next; keys are sorted, so that their order
 * does not count; an absent key is not a null one.
 */

import { hash } from "node:crypto";
import { isRawJson } from "../../json/value.ts";
import type { JsonObject, JsonValue } from "../../json/value.ts";

/** Writes the canonical form. Values nested deeper than `maximumDepth` must not be given: this function is recursive. */
export function canonicalForm(value: JsonValue): string {
  switch (typeof value) {
    case "string":
      return `s${value.length}:${value}`;
    case "number":
      return Object.is(value, -0) ? "n-0;" : `n${value};`;
    case "boolean":
      return value ? "t" : "f";
    default:
      return value === null ? "z" : structure(value);
  }
}

function structure(value: Exclude<JsonValue, string | number | boolean | null>): string {
  if (Array.isArray(value)) {
    let form = `a${value.length}:`;
    for (const item of value) form += canonicalForm(item);
    return form;
  }
  if (isRawJson(value)) return `r${value.rawJSON};`;
  const { sorted, prefixes } = shapeOf(value);
  let form = `o${sorted.length}:`;
  for (let i = 0; i < sorted.length; i += 1) form += prefixes[i]! + canonicalForm(value[sorted[i]!]!);
  return form;
}

interface Shape {
  keys: string[];
  sorted: string[];
  /** Length and text of each sorted key. */
  prefixes: string[];
}

/** Documents of a collection mostly have the same keys in the same order: the last sorting serves again. */
const lastShapes = new Map<number, Shape>();

function shapeOf(value: JsonObject): Shape {
  const keys = Object.keys(value);
  const last = lastShapes.get(keys.length);
  if (last !== undefined && sameKeys(last.keys, keys)) return last;
  const sorted = keys.toSorted();
  const shape = { keys, sorted, prefixes: sorted.map((key) => `${key.length}:${key}`) };
  lastShapes.set(keys.length, shape);
  return shape;
}

function sameKeys(a: string[], b: string[]): boolean {
  for (let i = 0; i < a.length; i += 1) if (a[i] !== b[i]) return false;
  return true;
}

/**
 * SHA-256 of a canonical form, as 32 characters of Latin-1: one per byte.
 *
 * @param wellFormed promises that no string in it has a lone surrogate, which spares a look at every character
 */
export function hashForm(form: string, wellFormed = false): string {
  // UTF-8 has no lone surrogates; two different ones would hash alike.
  const text = wellFormed || form.isWellFormed() ? form : Buffer.from(form, "utf16le");
  return hash("sha256", text, "binary");
}
