#!/usr/bin/env zx
import "./cli/require-node.mjs";
import "./cli/compile-cache.mjs";

const path = await import("node:path");
const { command, runScript } = await import("./cli/script.ts");
const { parseSizes } = await import("./bench/load/parse-sizes.ts");
const { reportLoadBench } = await import("./bench/load/report-load-bench.ts");
const { runLoadBench } = await import("./bench/load/run-load-bench.ts");
const { writeBenchmarkPage } = await import("./bench/load/write-page.ts");

const load = command({
  summary: "measure execute and verify against COPY of prepared rows and against one INSERT per document",
  description:
    "Generates data, measures in turn on an embedded server of its own and removes everything again. Needs about 3 GB of disk per million documents.",
  examples: ["--documents 1000000", "--documents 1000000,4000000 --write docs/benchmarks.md"],
  options: [
    {
      flag: "--documents <N>",
      summary: "how many documents to generate; several sizes between commas",
      default: "1000000",
    },
    { flag: "--runs <N>", summary: "how often to measure; medians are shown", type: "integer", min: 1, default: 3 },
    {
      flag: "--insert-sample <N>",
      summary: "documents to insert one by one",
      type: "integer",
      min: 1000,
      default: 50_000,
    },
    { flag: "--write <FILE>", summary: "also write the figures to a Markdown page" },
  ],
  run: async ({ config, flags, reporter, signal }) => {
    const directory = path.join(config.ltHome, "bench");
    /** @type {import("./bench/load/run-load-bench.ts").LoadBenchResult[]} */
    const results = [];
    for (const documents of parseSizes(flags.documents)) {
      const insertSample = results.length === 0 ? flags.insertSample : undefined;
      results.push(await runLoadBench({ documents, runs: flags.runs, insertSample, directory, reporter, signal }));
    }
    const report = reportLoadBench(results);
    if (flags.write !== undefined) await writeBenchmarkPage(flags.write, flags.documents, report.summary);
    return report;
  },
});

await runScript({ name: "bench", summary: "measurements that anyone can repeat", commands: { load } });
