import { PassThrough } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { stripVTControlCharacters } from "node:util";

import { expect, test } from "vitest";

import { canRedraw, ConsoleReporter } from "../../ops/cli/console-reporter.ts";
import { textWidth } from "../../ops/cli/text-width.ts";
import { OpsError } from "../../ops/errors.ts";

const ESCAPE = "\u001B";

/** A reporter on a stream in memory, with a clock that the test moves. */
function open(
  options: { live?: boolean; columns?: number; intervalMs?: number; dryRun?: boolean; verbose?: boolean } = {},
) {
  const { live = false, columns = 80, intervalMs = 60_000, dryRun = false, verbose = false } = options;
  const stream = Object.assign(new PassThrough(), { columns, rows: 24 });
  const clock = { ms: 0 };
  const reporter = new ConsoleReporter({ stream, live, verbose, dryRun, intervalMs, now: () => clock.ms });
  let text = "";
  stream.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
  return { reporter, clock, read: () => text };
}

test("prints one line per step with note and duration, and returns its value", async () => {
  const { reporter, clock, read } = open();
  const value = await reporter.step("migrateEvents", async (note) => {
    clock.ms = 1234;
    note("12 documents");
    return 7;
  });
  await sleep(1);
  expect({ value, text: read() }).toEqual({ value: 7, text: "done    migrateEvents: 12 documents (1.2 s)\n" });
});

test("never calls a failed, stopped or dry step done", async () => {
  const { reporter, read } = open();
  const dry = open({ dryRun: true });
  const boom = new Error("boom");
  await expect(reporter.step("one", async () => Promise.reject(boom))).rejects.toBe(boom);
  await expect(reporter.step("two", async () => Promise.reject(new OpsError("interrupted", "x")))).rejects.toThrow("x");
  await dry.reporter.step("three", async () => undefined);
  await sleep(1);
  expect(read()).toBe("failed  one (0.0 s)\nstopped two (0.0 s)\n");
  expect(dry.read()).toBe("would   three (0.0 s)\n");
});

test("keeps details for --verbose", async () => {
  const quiet = open();
  const verbose = open({ verbose: true });
  for (const { reporter } of [quiet, verbose]) reporter.detail("more");
  await sleep(1);
  expect([quiet.read(), verbose.read()]).toEqual(["", "  more\n"]);
});

test("hides passwords in every line", async () => {
  const { reporter, read } = open();
  reporter.note("postgresql://u:hidden-word@h/d");
  reporter.warn("password=hidden-word");
  await reporter.step("connect postgresql://u:hidden-word@h/d", async (note) => note("pwd=hidden-word"));
  await sleep(1);
  expect(read()).not.toContain("hidden-word");
  expect(read().split("\n")).toHaveLength(4);
});

test("writes a plain progress line per interval into a log, and none for a task that is quick", async () => {
  const { reporter, clock, read } = open({ intervalMs: 30 });
  const quick = reporter.progress("talks.json");
  quick.update({ documents: 10, bytes: 100, totalBytes: 100 });
  quick.finish();
  const slow = reporter.progress("events.json");
  clock.ms = 2000;
  slow.update({ documents: 41_200, bytes: 20_000_000, totalBytes: 50_000_000 }, "quarantined 3");
  await sleep(100);
  reporter.close();
  const lines = read().split("\n");
  expect(lines[0]).toBe("        talks.json  10 documents  0.0/0.0 MB  0.0 s");
  expect(lines[1]).toBe(
    "        events.json  40%  41,200 documents  20.0/50.0 MB  3.0 s left  20,600 documents/s  10.0 MB/s  quarantined 3",
  );
  expect(lines.length).toBeLessThan(8);
  expect(read()).not.toContain(ESCAPE);
});

test("counts only this run's work of a resumed task as its rate", async () => {
  const { reporter, clock, read } = open();
  const progress = reporter.progress("rows", { total: 1000, unit: "rows", startAt: 900 });
  clock.ms = 10_000;
  progress.update(950);
  progress.finish();
  await sleep(1);
  expect(read()).toBe("        rows  950/1,000 rows  5/s  10 s\n");
});

test("redraws one line per task on a terminal, never wider than the terminal, also with Japanese labels", async () => {
  const { reporter, clock, read } = open({ live: true, columns: 40, intervalMs: 10 });
  const progress = reporter.progress("参加者データの移行_参加者データの移行_参加者データ");
  for (let done = 0; done <= 10; done += 1) {
    clock.ms += 300;
    progress.update({ documents: done, bytes: done, totalBytes: 10 });
    await sleep(12);
  }
  progress.finish("10 documents");
  await sleep(1);
  const drawn = read().split(/\r|\n/).map(stripVTControlCharacters);
  const [last, ...frames] = drawn.filter((line) => line !== "").toReversed();
  expect(frames.length).toBeGreaterThan(3);
  for (const frame of frames) expect(textWidth(frame)).toBeLessThan(40);
  expect(last).toContain("10 documents  3.3 s");
  expect(read().split("\n")).toHaveLength(2);
});

test("prints lines above the updating one, which stays the last", async () => {
  const { reporter, read } = open({ live: true, intervalMs: 60_000 });
  const progress = reporter.progress("events.json");
  reporter.note("a note");
  await sleep(1);
  expect(read()).toBe(`events.json  0\r${ESCAPE}[Ja note\nevents.json  0`);
  progress.finish();
});

test("leaves nothing behind that updates after it was closed", async () => {
  const { reporter, read } = open({ live: true, intervalMs: 5 });
  reporter.progress("events.json");
  reporter.close();
  await sleep(1);
  const before = read();
  await sleep(40);
  expect(read()).toBe(before);
  expect(before.endsWith(`\r${ESCAPE}[J`)).toBe(true);
});

test("keeps its hands off the terminal while somebody is asked", async () => {
  const { reporter, read } = open({ live: true, intervalMs: 5 });
  reporter.progress("events.json");
  await reporter.suspend(async () => {
    await sleep(5);
    const before = read();
    await sleep(40);
    expect(read()).toBe(before);
  });
  await sleep(20);
  expect(read().endsWith("events.json  0")).toBe(true);
  reporter.close();
});

test("redraws only on a terminal that can, and not against NO_COLOR", () => {
  expect(canRedraw({ isTTY: true }, {})).toBe(true);
  expect(canRedraw({ isTTY: true }, { NO_COLOR: "1" })).toBe(false);
  expect(canRedraw({ isTTY: true }, { TERM: "dumb" })).toBe(false);
  expect(canRedraw({}, {})).toBe(false);
});
