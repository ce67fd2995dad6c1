import type { MeterOptions, ProgressRow } from "./progress-meter.ts";

/** How a command tells what it does while it does it; everything goes to stderr. */
export interface Reporter {
  /**
   * Runs one step of a command and prints one line about it when it ended: title, note, duration.
   *
   * @param run gets a function that sets the short note of the result ("1,234 documents")
   * @returns what `run` returned; its error is passed on after the line says that the step failed
   */
  step<T>(title: string, run: (note: (text: string) => void) => Promise<T>): Promise<T>;
  /** A line that a person should read. */
  note(line: string): void;
  /** A line about something that is not as it should be, though the command goes on. */
  warn(line: string): void;
  /** A line for `--verbose` only. */
  detail(line: string): void;
  /** Starts an updating line (a plain line every few seconds where there is no terminal) for one long task. */
  progress(label: string, options?: MeterOptions): Progress;
}

export interface Progress {
  /** Cheap enough to call for every batch; printing has its own pace. */
  update(done: number | ProgressRow, suffix?: string): void;
  /** Replaces the updating line by a last one that stays: `text`, or the final quantities and rates. */
  finish(text?: string): void;
  /** Takes the updating line away and leaves nothing: the step around it says what was done. */
  clear(): void;
}
