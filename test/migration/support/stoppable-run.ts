import { spawn } from "node:child_process";
import type { ChildProcessByStdio } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import type { Readable, Writable } from "node:stream";

export interface RunOptions {
  url: string;
  dataDirectory: string;
  acceptQuarantined: number;
  replace?: boolean;
  /** Bytes of a batch; small, so that few documents make many batches. */
  batchBytes?: number;
}

/** A child process that executes the migration and can be stopped at exact points of it. */
export class StoppableRun {
  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly #ended: Promise<number | null>;
  #output = "";
  #errors = "";

  /** @param stopAt points at which it waits for `goOn` */
  constructor(options: RunOptions, stopAt: string[] = []) {
    const argument = JSON.stringify({ replace: false, batchBytes: 16 << 10, ...options, stopAt });
    const program = join(import.meta.dirname, "execute-program.ts");
    this.#child = spawn(process.execPath, [program, argument], { stdio: ["pipe", "pipe", "pipe"] });
    this.#child.stdin.on("error", () => undefined);
    this.#child.stdout.setEncoding("utf8").on("data", (text: string) => (this.#output += text));
    this.#child.stderr.setEncoding("utf8").on("data", (text: string) => (this.#errors += text));
    this.#ended = once(this.#child, "close").then(([code]) => code as number | null);
  }

  get pid(): number {
    return this.#child.pid!;
  }

  /** The points reached so far, in order. */
  get points(): string[] {
    return this.#output.split("\n").filter((line) => line !== "");
  }

  /** Waits until the point is reached; fails when the process ends without it. */
  async reach(point: string): Promise<this> {
    while (!this.points.includes(point)) {
      const ended = await Promise.race([
        once(this.#child.stdout, "data").then(() => false),
        this.#ended.then(() => true),
      ]);
      if (ended && !this.points.includes(point))
        throw new Error(`The run ended before "${point}": ${this.#errors}${this.#output}`);
    }
    return this;
  }

  /** Leaves the point at which it waits. */
  goOn(): void {
    this.#child.stdin.write("\n");
  }

  /** SIGKILL, and waits until the process is gone. */
  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#ended;
  }

  /** Its end: exit code (null when killed) and what it wrote to standard error. */
  async end(): Promise<{ code: number | null; errors: string }> {
    return { code: await this.#ended, errors: this.#errors };
  }
}
