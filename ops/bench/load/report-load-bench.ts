import { cpus, totalmem } from "node:os";
import type { CommandResult } from "../../cli/definition.ts";
import { formatTable } from "../../cli/table.ts";
import type { LoadBenchResult } from "./run-load-bench.ts";

interface Figure {
  name: string;
  value: number;
  target: number;
  /** The target is a floor, not a ceiling. */
  atLeast?: boolean;
}

/**
 * The measurements and the figures with their targets, smallest size first.
 *
 * `ok` says that the benchmark ran, never that a target was met: a missed target is a figure like any other.
 */
export function reportLoadBench(results: LoadBenchResult[]): CommandResult {
  const figures = results
    .flatMap(figuresOf)
    .concat(results.length > 1 ? scalingFigures(results[0]!, results.at(-1)!) : []);
  const summary = [describeMachine(results[0]!), ...results.flatMap(describeSize), "", ...figureTable(figures)];
  return { ok: true, summary, data: { figures, results } };
}

function figuresOf(result: LoadBenchResult): Figure[] {
  const { execute, verify, limitSeconds, insertSeconds } = result;
  const size = millions(result.documents);
  const figures: Figure[] = [
    {
      name: `execute / limit, ${size}`,
      value: median(execute.map(({ seconds }, i) => seconds / limitSeconds[i]!)),
      target: 1.25,
    },
    {
      name: `verify / execute, ${size}`,
      value: median(verify.map(({ seconds }, i) => seconds / execute[i]!.seconds)),
      target: 0.8,
    },
    { name: `peak memory of execute, MiB, ${size}`, value: peak(execute), target: 300 },
    { name: `peak memory of verify, MiB, ${size}`, value: peak(verify), target: 300 },
  ];
  if (insertSeconds === undefined) return figures;
  const inserts = {
    name: `INSERT per document / execute, ${size}`,
    value: insertSeconds / medianSeconds(execute),
    target: 15,
    atLeast: true,
  };
  return [figures[0]!, inserts, ...figures.slice(1)];
}

function scalingFigures(small: LoadBenchResult, large: LoadBenchResult): Figure[] {
  const sizes = `${millions(large.documents)} / ${millions(small.documents)}`;
  return [
    { name: `time per document of execute, ${sizes}`, value: perDocument(large) / perDocument(small), target: 1.15 },
    { name: `peak memory of execute, ${sizes}`, value: peak(large.execute) / peak(small.execute), target: 1.15 },
    { name: `peak memory of verify, ${sizes}`, value: peak(large.verify) / peak(small.verify), target: 1.15 },
  ];
}

function describeMachine({ postgresVersion }: LoadBenchResult): string {
  const machine = `${cpus().length} cores ${cpus()[0]?.model ?? ""}, ${(totalmem() / 2 ** 30).toFixed(0)} GiB`;
  return `${new Date().toISOString().slice(0, 10)}, PostgreSQL ${postgresVersion}, Node ${process.version}, ${machine}`;
}

function describeSize(result: LoadBenchResult): string[] {
  const { documents, bytes, prepare, execute, verify, limitSeconds, limitTool, insertSeconds } = result;
  const seconds = medianSeconds(execute);
  const rate = `${Math.round(documents / seconds).toLocaleString("en-US")} documents/s, ${(bytes / 1e6 / seconds).toFixed(1)} MB/s`;
  const rows: [string, number, string][] = [
    ["prepare", prepare.seconds, prepare.peakMiB.toFixed(0)],
    ["execute", seconds, peak(execute).toFixed(0)],
    ["verify", medianSeconds(verify), peak(verify).toFixed(0)],
    [`limit: COPY of the same rows by ${limitTool}`, median(limitSeconds), ""],
  ];
  if (insertSeconds !== undefined) rows.push(["an INSERT per document, pool of 20 (scaled)", insertSeconds, ""]);
  return [
    "",
    `${documents.toLocaleString("en-US")} documents, ${(bytes / 1e6).toFixed(0)} MB of JSON, median of ${execute.length} runs; execute: ${rate}`,
    ...formatTable(
      ["measured", "seconds", "peak MiB"],
      rows.map(([name, value, memory]) => [name, value.toFixed(2), memory]),
    ),
  ];
}

function figureTable(figures: Figure[]): string[] {
  return formatTable(
    ["figure", "value", "target", ""],
    figures.map((figure) => [
      figure.name,
      figure.value.toFixed(2),
      `${figure.atLeast ? ">=" : "<="} ${figure.target}`,
      verdict(figure),
    ]),
  );
}

function verdict({ value, target, atLeast }: Figure): string {
  return (atLeast === true ? value >= target : value <= target) ? "met" : "missed";
}

function perDocument({ documents, execute }: LoadBenchResult): number {
  return medianSeconds(execute) / documents;
}

function medianSeconds(measures: { seconds: number }[]): number {
  return median(measures.map(({ seconds }) => seconds));
}

function peak(measures: { peakMiB: number }[]): number {
  return Math.max(...measures.map(({ peakMiB }) => peakMiB));
}

function millions(documents: number): string {
  return `${documents / 1e6} M`;
}

function median(values: number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
