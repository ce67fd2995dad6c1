import { createReadStream } from "node:fs";

/** Line and column, both from 1; the column counts characters (code points), as editors do. */
export interface TextPosition {
  line: number;
  column: number;
}

/** Finds the line and column of a byte offset in a UTF-8 file, reading no more than up to there. */
export async function locateOffset(path: string, offset: number): Promise<TextPosition> {
  const position = { line: 1, column: 1 };
  if (offset === 0) return position;
  for await (const chunk of createReadStream(path, { end: offset - 1 }) as AsyncIterable<Buffer>) {
    for (const byte of chunk) {
      if (byte === 0x0a) {
        position.line += 1;
        position.column = 1;
      } else if ((byte & 0xc0) !== 0x80) {
        position.column += 1;
      }
    }
  }
  return position;
}
