import { isJsonObject, isRawJson } from "../../../ops/json/value.ts";
import type { JsonObject, JsonValue } from "../../../ops/json/value.ts";
import { findDifference } from "../support/same-json.ts";

/** A value that differs from another one in one place. */
export interface JsonFlip {
  name: string;
  value: JsonValue;
}

/** Every way to change one thing in a JSON value: a scalar, its type, a key, an item, at each place. */
export function jsonFlips(value: JsonValue, path = ""): JsonFlip[] {
  const here = flipsHere(value).map(([name, flipped]) => ({ name: `${path || "/"} ${name}`, value: flipped }));
  return [...here, ...flipsInside(value, path)].filter((flip) => findDifference(flip.value, value) !== undefined);
}

function flipsHere(value: JsonValue): [string, JsonValue][] {
  if (typeof value === "string") return stringFlips(value);
  if (typeof value === "number")
    return [
      ["plus one", value + 1],
      ["to string", String(value)],
      ["sign", -value],
      ["to null", null],
      ["to true", true],
    ];
  if (typeof value === "boolean")
    return [
      ["negated", !value],
      ["to string", String(value)],
      ["to number", value ? 1 : 0],
      ["to null", null],
    ];
  if (value === null)
    return [
      ["to 0", 0],
      ["to empty string", ""],
      ["to false", false],
      ["to object", {}],
      ['to "null"', "null"],
    ];
  if (Array.isArray(value)) return arrayFlips(value);
  return isRawJson(value) ? [["to 0", 0]] : objectFlips(value);
}

function stringFlips(text: string): [string, JsonValue][] {
  const swapped = text === text.toUpperCase() ? text.toLowerCase() : text.toUpperCase();
  return [
    ["trailing space", `${text} `],
    ["case", swapped],
    ["decomposed", text.normalize("NFD")],
    ["empty", ""],
    ["to null", null],
    ["to number", 0],
    ["to array", [text]],
  ];
}

function arrayFlips(items: JsonValue[]): [string, JsonValue][] {
  return [
    ["last item dropped", items.slice(0, -1)],
    ["item added", [...items, null]],
    ["reversed", items.toReversed()],
    ["to object", Object.fromEntries(items.entries())],
  ];
}

function objectFlips(fields: JsonObject): [string, JsonValue][] {
  const flips: [string, JsonValue][] = [
    ["key added", { ...fields, added: null }],
    ["to array", Object.values(fields)],
  ];
  const keys = Object.keys(fields);
  for (const [i, key] of keys.entries()) {
    const { [key]: value, ...rest } = fields;
    flips.push([`key ${key} dropped`, rest], [`key ${key} renamed`, { ...rest, [`${key} `]: value! }]);
    const next = keys[i + 1];
    if (next !== undefined)
      flips.push([`${key} and ${next} swapped`, { ...fields, [key]: fields[next]!, [next]: value! }]);
  }
  return flips;
}

function flipsInside(value: JsonValue, path: string): JsonFlip[] {
  if (Array.isArray(value)) {
    return value.flatMap((item, i) =>
      jsonFlips(item, `${path}/${i}`).map((flip) => ({ ...flip, value: value.with(i, flip.value) })),
    );
  }
  if (!isJsonObject(value)) return [];
  return Object.entries(value).flatMap(([key, item]) =>
    jsonFlips(item, `${path}/${key}`).map((flip) => ({ ...flip, value: { ...value, [key]: flip.value } })),
  );
}
