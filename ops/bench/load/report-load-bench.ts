import { cpus, totalmem } from "node:os";
import type { CommandResult } from "../../cli/definition.ts";
import { formatTable } from "../../cli/table.ts";
import type { LoadBenchOptions, LoadBenchResult } from "./run-load-bench.ts";

interface Figure {
  name: string;
  value: number;
  target: number;
  /** The target is a floor, not a ceiling. */
  atLeast?: boolean;
}

/** The figures with their targets; `ok` says whether the benchmark ran, never whether a target was met. */
export function reportLoadBench(options: LoadBenchOptions, result: LoadBenchResult): CommandResult {
  const execute = median(result.execute.map(({ seconds }) => seconds));
  const limit = median(result.limitSeconds);
  const verify = median(result.verify.map(({ seconds }) => seconds));
  const figures: Figure[] = [
    { name: "execute / limit", value: median(result.execute.map(({ seconds }, i) => seconds / result.limitSeconds[i]!)), target: 1.25 },
    { name: "INSERT per document / execute", value: result.insertSeconds / execute, target: 15, atLeast: true },
    { name: "verify / execute", value: median(result.verify.map(({ seconds }, i) => seconds / result.execute[i]!.seconds)), target: 0.8 },
    { name: "peak memory of execute, MiB", value: Math.max(...result.execute.map(({ peakMiB }) => peakMiB)), target: 300 },
    { name: "peak memory of verify, MiB", value: Math.max(...result.verify.map(({ peakMiB }) => peakMiB)), target: 300 },
  ];
  const microseconds = (execute / options.documents) * 1e6;
  const times = [
    ["prepare", result.prepare.seconds, result.prepare.peakMiB],
    ["execute", execute, figures[3]!.value],
    ["verify", verify, figures[4]!.value],
    [`limit (${result.limitTool})`, limit, 0],
    [`INSERT per document (scaled from ${options.insertSample})`, result.insertSeconds, 0],
  ] as const;
  const summary = [
    `${options.documents} documents, ${(result.bytes / 1e6).toFixed(0)} MB of JSON, PostgreSQL ${result.postgresVersion}, Node ${process.version}, ${cpus().length} cores ${cpus()[0]?.model ?? ""}, ${(totalmem() / 2 ** 30).toFixed(0)} GiB`,
    `execute: ${Math.round(options.documents / execute)} documents/s, ${(result.bytes / 1e6 / execute).toFixed(1)} MB/s, ${microseconds.toFixed(2)} us per document`,
    "",
    ...formatTable(
      ["measured (median)", "seconds", "peak MiB"],
      times.map(([name, seconds, peak]) => [name, seconds.toFixed(2), peak === 0 ? "" : peak.toFixed(0)]),
    ),
    "",
    ...formatTable(
      ["figure", "value", "target", ""],
      figures.map(({ name, value, target, atLeast }) => [name, value.toFixed(2), `${atLeast ? ">=" : "<="} ${target}`, verdict(value, target, atLeast)]),
    ),
  ];
  return { ok: true, summary, data: { documents: options.documents, microsecondsPerDocument: microseconds, figures, ...result } };
}

function verdict(value: number, target: number, atLeast = false): string {
  return (atLeast ? value >= target : value <= target) ? "met" : "missed";
}

function median(values: number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
