import { formatCount, formatDuration, formatMegabytes } from "./quantities.ts";

/** How far a task over documents is; bytes decide the percentage, because the number of documents is not known before. */
export interface ProgressRow {
  documents: number;
  bytes: number;
  totalBytes: number;
}

export interface MeterOptions {
  /** The number at the end, for a task that counts something else than documents; undefined when nobody knows. */
  total?: number;
  /** What is counted, in the plural. */
  unit?: string;
  /** Where a resumed task starts: not counted as work of this run. */
  startAt?: number | ProgressRow;
}

export interface MeterReading {
  /** 0 to 1, undefined without a total. */
  fraction: number | undefined;
  /** Each a text, or nothing while it cannot be told. */
  amounts: string[];
  timeLeft: string[];
  rates: string[];
}

/** Too short a time to tell a rate from. */
const SHORTEST_MS = 200;

/** Computes quantities, rates and time left of one task, in one place for every command. */
export class ProgressMeter {
  readonly #options: MeterOptions;
  readonly #startedAt: number;
  readonly #start: number | ProgressRow;
  #current: number | ProgressRow;

  /** @param now milliseconds of a clock that never steps back */
  constructor(options: MeterOptions, now: number) {
    this.#options = options;
    this.#startedAt = now;
    this.#start = options.startAt ?? 0;
    this.#current = this.#start;
  }

  update(current: number | ProgressRow): void {
    this.#current = current;
  }

  read(now: number): MeterReading {
    const elapsedMs = now - this.#startedAt;
    return typeof this.#current === "number"
      ? this.#readCount(this.#current, elapsedMs)
      : this.#readRow(this.#current, elapsedMs);
  }

  #readCount(done: number, elapsedMs: number): MeterReading {
    const { total, unit = "" } = this.#options;
    const rate = perSecond(done - (typeof this.#start === "number" ? this.#start : 0), elapsedMs);
    const counted = total === undefined ? formatCount(done) : `${formatCount(done)}/${formatCount(total)}`;
    return {
      fraction: fractionOf(done, total),
      amounts: [`${counted} ${unit}`.trim()],
      timeLeft: timeLeft((total ?? done) - done, rate),
      rates: rateText(rate, (r) => `${formatCount(r)}/s`),
    };
  }

  #readRow(row: ProgressRow, elapsedMs: number): MeterReading {
    const start = typeof this.#start === "number" ? { documents: 0, bytes: 0 } : this.#start;
    const documentRate = perSecond(row.documents - start.documents, elapsedMs);
    const byteRate = perSecond(row.bytes - start.bytes, elapsedMs);
    return {
      fraction: fractionOf(row.bytes, row.totalBytes),
      amounts: [
        `${formatCount(row.documents)} documents`,
        `${formatMegabytes(row.bytes)}/${formatMegabytes(row.totalBytes)} MB`,
      ],
      timeLeft: timeLeft(row.totalBytes - row.bytes, byteRate),
      rates: [
        ...rateText(documentRate, (r) => `${formatCount(r)} documents/s`),
        ...rateText(byteRate, (r) => `${formatMegabytes(r)} MB/s`),
      ],
    };
  }
}

function fractionOf(done: number, total: number | undefined): number | undefined {
  if (total === undefined) return undefined;
  return total === 0 ? 1 : Math.min(1, done / total);
}

function perSecond(amount: number, elapsedMs: number): number | undefined {
  return elapsedMs < SHORTEST_MS || amount <= 0 ? undefined : (amount * 1000) / elapsedMs;
}

function rateText(rate: number | undefined, format: (rate: number) => string): string[] {
  return rate === undefined ? [] : [format(rate)];
}

function timeLeft(remaining: number, rate: number | undefined): string[] {
  return rate === undefined || remaining <= 0 ? [] : [`${formatDuration((remaining / rate) * 1000)} left`];
}
