import type { Client } from "pg";
import { from as copyFrom } from "pg-copy-streams";
import { pipeline } from "node:stream/promises";

/** The server parses a message only when all of it has come: smaller ones let it start while the rest is under way. */
const messageBytes = 256 << 10;

/**
 * Sends COPY text to a table.
 *
 * @param target the qualified table and its columns, from code and never from data: `schema.table (a, b)`
 * @returns the number of rows that the server took
 */
export async function copyIn(client: Client, target: string, text: Uint8Array): Promise<number> {
  const stream = client.query(copyFrom(`copy ${target} from stdin`));
  await pipeline(slices(text), stream);
  return stream.rowCount;
}

function* slices(text: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < text.length; at += messageBytes) yield text.subarray(at, at + messageBytes);
}
