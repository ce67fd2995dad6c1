const notAscii = /\P{ASCII}/u;

/**
 * Lower case as PostgreSQL's lower() makes it: character by character, so without the final sigma and the combining dot
 * that JavaScript has rules for. Registrations are compared by it.
 */
export function lowerCase(text: string): string {
  if (!notAscii.test(text)) return text.toLowerCase();
  return Array.from(text, lowerCharacter).join("");
}

/** U+0130 is the only character that has several in lower case; its simple form is a plain i. */
function lowerCharacter(character: string): string {
  return character === "\u0130" ? "i" : character.toLowerCase();
}

/** Characters on which servers differ: asked of lower(), they tell whether it works as `lowerCase` does. */
export const lowerCaseProbe = "AZI\u0130\u00c0\u03a3\u1e9e\u0416";
