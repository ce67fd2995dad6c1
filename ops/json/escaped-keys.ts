/**
 * Keys spelled with escapes, which V8's JSON.parse may mistake for the key that objects of the same shape had there before:
 * it compares the text of the escape with the characters of that key. {"a":1,"\\f":2} read after {"a":1,"\\\\":2} gets a
 * backslash for its second key (seen in V8 13.6, Node 24.21).
 */

const quote = 0x22;
const backslash = 0x5c;

/** True when a text that is valid JSON spells a key with an escape. Cheap where there is no backslash. */
export function hasEscapedKey(text: string): boolean {
  let at = text.indexOf("\\");
  while (at >= 0) {
    // A backslash stands inside a string only.
    for (; at < text.length && text.charCodeAt(at) !== quote; at += 1) if (text.charCodeAt(at) === backslash) at += 1;
    at += 1;
    while (isSpace(text.charCodeAt(at))) at += 1;
    if (text[at] === ":") return true;
    at = text.indexOf("\\", at);
  }
  return false;
}

function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09;
}
