#!/usr/bin/env zx
import "./cli/require-node.mjs";
import "./cli/compile-cache.mjs";

const { join } = await import("node:path");
const { command, runScript } = await import("./cli/script.ts");
const { reportLoadBench } = await import("./bench/load/report-load-bench.ts");
const { runLoadBench } = await import("./bench/load/run-load-bench.ts");

const load = command({
  summary: "measure execute and verify against COPY of prepared rows and against one INSERT per document",
  description:
    "Generates data, measures in turn on an embedded server of its own and removes everything again. Needs about 3 GB of disk per million documents.",
  options: [
    { flag: "--documents <N>", summary: "how many documents to generate", type: "integer", min: 1000, default: 1_000_000 },
    { flag: "--runs <N>", summary: "how often to measure; medians are shown", type: "integer", min: 1, default: 3 },
    { flag: "--insert-sample <N>", summary: "documents to insert one by one", type: "integer", min: 1000, default: 50_000 },
  ],
  run: async ({ config, flags, reporter, signal }) => {
    const options = { ...flags, directory: join(config.ltHome, "bench"), reporter, signal };
    return reportLoadBench(options, await runLoadBench(options));
  },
});

await runScript({ name: "bench", summary: "measurements that anyone can repeat", commands: { load } });
