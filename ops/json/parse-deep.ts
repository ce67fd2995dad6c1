/** Reads JSON without JSON.parse's objects: at any depth, where its reviver overflows the stack, and with keys as they are. */

import type { JsonObject, JsonScalar, JsonValue, RawJson } from "./value.ts";

const tokens = /[{}[\],:]|"(?:[^"\\]|\\.)*"|[^\s{}[\],:"]+/gs;

interface Open {
  container: JsonValue[] | JsonObject;
  /** The key whose value comes next, in an object. */
  key: string | undefined;
}

/**
 * Builds the value of a text that JSON.parse has accepted.
 *
 * @param text valid JSON
 * @param readScalar makes a value of the text of a string, number or literal
 */
export function parseDeep(text: string, readScalar: (token: string) => JsonScalar | RawJson): JsonValue {
  const open: Open[] = [];
  let last: JsonValue = null;
  for (const [token] of text.matchAll(tokens)) {
    const top = open.at(-1);
    if (token === "," || token === ":") continue;
    if (token === "}" || token === "]") {
      last = open.pop()!.container;
    } else if (top !== undefined && !Array.isArray(top.container) && top.key === undefined) {
      top.key = JSON.parse(token) as string;
    } else {
      const value = token === "{" ? {} : token === "[" ? [] : readScalar(token);
      if (top !== undefined) place(top, value);
      last = value;
      if (token === "{" || token === "[") open.push({ container: value as Open["container"], key: undefined });
    }
  }
  return last;
}

function place(top: Open, value: JsonValue): void {
  if (Array.isArray(top.container)) {
    top.container.push(value);
    return;
  }
  // Plain assignment would take __proto__ for the prototype.
  Object.defineProperty(top.container, top.key!, { value, enumerable: true, configurable: true, writable: true });
  top.key = undefined;
}
