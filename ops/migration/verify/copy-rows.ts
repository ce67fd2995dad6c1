/** Reads COPY text back into fields (https://www.postgresql.org/docs/18/sql-copy.html, "Text Format"). */

import type { Client } from "pg";
import { to as copyTo } from "pg-copy-streams";

/** A field's text, or null for \N. */
export type CopyField = string | null;

/**
 * Streams a query's rows as fields.
 *
 * @param query a select without parameters, from code and never from data
 * @returns rows in groups, as they came from the server
 */
export async function* copyRows(client: Client, query: string): AsyncGenerator<CopyField[][]> {
  const stream = client.query(copyTo(`copy (${query}) to stdout`, { highWaterMark: 1 << 18 }));
  let rest: Buffer | undefined;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    const bytes: Buffer = rest === undefined ? chunk : Buffer.concat([rest, chunk]);
    const end = bytes.lastIndexOf(0x0a) + 1;
    rest = end === bytes.length ? undefined : bytes.subarray(end);
    if (end > 0) yield splitRows(bytes.toString("utf8", 0, end - 1));
  }
}

function splitRows(text: string): CopyField[][] {
  // Most rows have no escape but \N, which needs no look into the fields.
  const escaped = anyEscape.test(text);
  return text.split("\n").map((line) => {
    const fields: CopyField[] = line.split("\t");
    for (let i = 0; i < fields.length; i += 1) {
      if (fields[i] === "\\N") fields[i] = null;
      else if (escaped) fields[i] = unescapeField(fields[i]!);
    }
    return fields;
  });
}

const anyEscape = /\\[^N]/;
const escapeSequence = /\\(?:x[0-9A-Fa-f]{1,2}|[0-7]{1,3}|.)/gs;
const letters: Record<string, string> = { b: "\b", f: "\f", n: "\n", r: "\r", t: "\t", v: "\v" };

function unescapeField(field: string): string {
  return field.includes("\\") ? field.replace(escapeSequence, unescapeSequence) : field;
}

function unescapeSequence(sequence: string): string {
  const body = sequence.slice(1);
  const letter = letters[body];
  if (letter !== undefined) return letter;
  if (/^x./.test(body)) return String.fromCharCode(Number.parseInt(body.slice(1), 16));
  return /^[0-7]+$/.test(body) ? String.fromCharCode(Number.parseInt(body, 8)) : body;
}
