import type { WriteStream } from "node:tty";

import { fitWidth } from "./text-width.ts";

const ESC = "\u001B[";

/** The last lines of a terminal, redrawn in place; lines printed meanwhile go above them. */
export class LiveArea {
  readonly #stream: WriteStream;
  #drawn = 0;

  constructor(stream: WriteStream) {
    this.#stream = stream;
  }

  /** Replaces the area by these lines, each cut to the terminal's width: a wrapped line could not be found again. */
  draw(lines: readonly string[]): void {
    const columns = Math.max(10, (this.#stream.columns ?? 80) - 1);
    const visible = lines.slice(0, Math.max(1, (this.#stream.rows ?? 24) - 1));
    this.#stream.write(this.#erase() + visible.map((line) => fitWidth(line, columns)).join("\n"));
    this.#drawn = visible.length;
  }

  /** Prints a line that stays, above the area; the caller draws the area again. */
  printAbove(line: string): void {
    this.#stream.write(`${this.#erase()}${line}\n`);
    this.#drawn = 0;
  }

  clear(): void {
    if (this.#drawn > 0) this.#stream.write(this.#erase());
    this.#drawn = 0;
  }

  #erase(): string {
    if (this.#drawn === 0) return "";
    const up = this.#drawn > 1 ? `${ESC}${this.#drawn - 1}A` : "";
    return `\r${up}${ESC}J`;
  }
}
