import { ProgressMeter } from "./progress-meter.ts";
import type { MeterOptions, MeterReading, ProgressRow } from "./progress-meter.ts";
import { formatDuration } from "./quantities.ts";

const BAR_COLUMNS = 20;
const GAP = "  ";

/** The text of one task that is under way: a labelled bar for a terminal, a plain line for a log. */
export class ProgressLine {
  readonly #label: string;
  readonly #meter: ProgressMeter;
  readonly #startedAt: number;
  #suffix = "";

  constructor(label: string, options: MeterOptions, now: number) {
    this.#label = label;
    this.#meter = new ProgressMeter(options, now);
    this.#startedAt = now;
  }

  update(done: number | ProgressRow, suffix = ""): void {
    this.#meter.update(done);
    this.#suffix = suffix;
  }

  /** For a terminal; the least important parts stand last, where a narrow terminal cuts. */
  live(now: number): string {
    const reading = this.#meter.read(now);
    const bar = reading.fraction === undefined ? [] : [drawBar(reading.fraction)];
    return [this.#label, ...bar, ...this.#parts(reading)].join(GAP);
  }

  /** For a log. */
  plain(now: number): string {
    return [this.#label, ...this.#parts(this.#meter.read(now))].join(GAP);
  }

  /** The line that stays when the task has ended. */
  last(now: number, text?: string): string {
    const { amounts, rates } = this.#meter.read(now);
    const parts = text === undefined ? [...amounts, ...rates] : [text];
    return [this.#label, ...parts, formatDuration(now - this.#startedAt)].join(GAP);
  }

  #parts({ fraction, amounts, timeLeft, rates }: MeterReading): string[] {
    const percent = fraction === undefined ? [] : [`${Math.floor(fraction * 100)}%`];
    return [...percent, ...amounts, ...timeLeft, ...rates, ...(this.#suffix === "" ? [] : [this.#suffix])];
  }
}

function drawBar(fraction: number): string {
  const filled = Math.round(fraction * BAR_COLUMNS);
  return `[${"=".repeat(filled)}${" ".repeat(BAR_COLUMNS - filled)}]`;
}
