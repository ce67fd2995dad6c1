import type { WriteStream } from "node:tty";
import { styleText } from "node:util";

import { OpsError } from "../errors.ts";
import { redact } from "../redact.ts";
import { LiveArea } from "./live-area.ts";
import { ProgressLine } from "./progress-line.ts";
import type { MeterOptions } from "./progress-meter.ts";
import { formatDuration } from "./quantities.ts";
import type { Progress, Reporter } from "./reporter.ts";

const LIVE_INTERVAL_MS = 125;
const LOG_INTERVAL_MS = 5000;

export interface ConsoleOptions {
  /** Where everything is printed: stderr. */
  stream: NodeJS.WritableStream;
  /** True for a terminal that understands cursor movement. */
  live: boolean;
  verbose: boolean;
  /** Steps are marked as not done. */
  dryRun: boolean;
  /** Milliseconds between two looks at a running task; 125 on a terminal, 5000 in a log. */
  intervalMs?: number;
  /** Milliseconds of a clock that never steps back. */
  now?: () => number;
}

/** What is running now: its line for a terminal and, where a log should hear of it, for a log. */
interface Row {
  live(now: number): string;
  plain(now: number): string;
}

/** The one Reporter of the command line: an updating area on a terminal, few plain lines everywhere else. */
export class ConsoleReporter implements Reporter {
  readonly #options: ConsoleOptions;
  readonly #now: () => number;
  readonly #area: LiveArea | undefined;
  readonly #rows = new Set<Row>();
  #timer: NodeJS.Timeout | undefined;

  constructor(options: ConsoleOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
    this.#area = options.live ? new LiveArea(options.stream as WriteStream) : undefined;
  }

  async step<T>(title: string, run: (note: (text: string) => void) => Promise<T>): Promise<T> {
    const startedAt = this.#now();
    let result = "";
    const row = this.#add(stepRow(title, startedAt));
    const close = (mark: string): void => {
      this.#remove(row);
      this.#print(`${mark}${title}${result === "" ? "" : `: ${result}`} (${formatDuration(this.#now() - startedAt)})`);
    };
    try {
      const value = await run((text) => (result = text));
      close(this.#mark(this.#options.dryRun ? "would" : "done", "green"));
      return value;
    } catch (error) {
      close(this.#mark(error instanceof OpsError && error.code === "interrupted" ? "stopped" : "failed", "red"));
      throw error;
    }
  }

  note(line: string): void {
    this.#print(line);
  }

  warn(line: string): void {
    this.#print(`${this.#style("yellow", "Warning:")} ${line}`);
  }

  detail(line: string): void {
    if (this.#options.verbose) this.#print(`  ${line}`);
  }

  progress(label: string, options: MeterOptions = {}): Progress {
    const line = new ProgressLine(label, options, this.#now());
    this.#add(line);
    return {
      update: (done, suffix) => line.update(done, suffix),
      finish: (text) => {
        if (!this.#remove(line)) return;
        this.#print(`        ${line.last(this.#now(), text)}`);
      },
      clear: () => void this.#remove(line),
    };
  }

  /** Takes the updating lines off the terminal while `run` uses it. */
  async suspend<T>(run: () => Promise<T>): Promise<T> {
    this.#stopTimer();
    this.#area?.clear();
    try {
      return await run();
    } finally {
      this.#startTimer();
    }
  }

  /** Takes away what is still updating; nothing is printed after that by itself. */
  close(): void {
    this.#rows.clear();
    this.#stopTimer();
    this.#area?.clear();
  }

  #add<R extends Row>(row: R): R {
    this.#rows.add(row);
    this.#startTimer();
    if (this.#area) this.#tick();
    return row;
  }

  #remove(row: Row): boolean {
    const present = this.#rows.delete(row);
    if (this.#rows.size === 0) this.#stopTimer();
    return present;
  }

  #print(line: string): void {
    if (this.#area === undefined) {
      this.#options.stream.write(`${redact(line)}\n`);
      return;
    }
    this.#area.printAbove(redact(line));
    if (this.#timer !== undefined) this.#tick();
  }

  #tick(): void {
    const now = this.#now();
    const rows = [...this.#rows];
    if (this.#area !== undefined) {
      this.#area.draw(rows.map((row) => redact(row.live(now))));
    } else {
      // In a log the tasks speak for the step they belong to, and the innermost step for the ones around it.
      const tasks = rows.filter((row) => row instanceof ProgressLine);
      for (const row of tasks.length > 0 ? tasks : rows.slice(-1)) this.#print(`        ${row.plain(now)}`);
    }
  }

  #startTimer(): void {
    if (this.#timer !== undefined || this.#rows.size === 0) return;
    const interval = this.#options.intervalMs ?? (this.#options.live ? LIVE_INTERVAL_MS : LOG_INTERVAL_MS);
    this.#timer = setInterval(() => this.#tick(), interval).unref();
  }

  #stopTimer(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #mark(word: string, color: "green" | "red"): string {
    return this.#style(color, word.padEnd(8));
  }

  #style(color: "green" | "red" | "yellow", text: string): string {
    return this.#options.live ? styleText(color, text, { validateStream: false }) : text;
  }
}

function stepRow(title: string, startedAt: number): Row {
  const text = (now: number): string => `${title} (${formatDuration(now - startedAt)})`;
  return { live: (now) => `...     ${text(now)}`, plain: (now) => `${text(now)} still running` };
}

/** True for a terminal on which lines can be redrawn; `NO_COLOR` and a dumb terminal ask for plain text. */
export function canRedraw(stream: { isTTY?: boolean }, environment: NodeJS.ProcessEnv): boolean {
  return stream.isTTY === true && !environment["NO_COLOR"] && environment["TERM"] !== "dumb";
}
