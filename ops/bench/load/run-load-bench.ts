/**
 * Measures `execute` against what bounds it and against what people write by hand, in one run on one embedded server:
 *
 * (a) `migrate.mjs execute`, as its own process;
 * (b) the limit: COPY of the very same rows, prepared beforehand, into the same indexed tables;
 * (c) an INSERT per document through a pool, on a sample, scaled to all documents;
 * and `migrate.mjs verify` after each (a). Every measurement starts with a fresh database and a checkpoint.
 */

import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Reporter } from "../../cli/reporter.ts";
import { discardLocalServer } from "../../platform/discard-local.ts";
import { startLocalServer } from "../../platform/local.ts";
import { BenchDatabases } from "./bench-databases.ts";
import { copyOut, findPsql, measureCopy } from "./copy-limit.ts";
import { generateData } from "./generate.ts";
import type { GeneratedCounts } from "./generate.ts";
import { measureInserts } from "./insert-each.ts";
import { measureCommand } from "./measure-command.ts";
import type { CommandMeasure } from "./measure-command.ts";

export interface LoadBenchOptions {
  /** Documents to generate. */
  documents: number;
  /** How often (a), (b) and verify are measured, in turn. */
  runs: number;
  /** Documents of (c); undefined leaves it out. */
  insertSample: number | undefined;
  /** Working directory: data, COPY files and server; removed at the end. */
  directory: string;
  reporter: Reporter;
  signal: AbortSignal;
}

export interface LoadBenchResult {
  documents: number;
  counts: GeneratedCounts;
  /** Bytes of the JSON files. */
  bytes: number;
  prepare: CommandMeasure;
  execute: CommandMeasure[];
  verify: CommandMeasure[];
  /** Seconds of (b), each run. */
  limitSeconds: number[];
  limitTool: string;
  /** Seconds of (c), scaled to all documents. */
  insertSeconds: number | undefined;
  postgresVersion: string;
}

/** Runs the whole benchmark; see above. */
export async function runLoadBench(options: LoadBenchOptions): Promise<LoadBenchResult> {
  const { directory, documents, runs, reporter, signal } = options;
  await rm(directory, { recursive: true, force: true });
  await mkdir(directory, { recursive: true, mode: 0o711 });
  const data = join(directory, "data");
  const sample = join(directory, "sample");
  const home = join(directory, "lt");
  try {
    const { counts, bytes } = await reporter.step("generate", () => generateData(data, documents));
    const server = await startLocalServer(home);
    const databases = new BenchDatabases(server.url);
    await reporter.step("template", () => databases.makeTemplate());
    const prepareUrl = await databases.fresh("bench_prepare");
    const prepare = await reporter.step("prepare", () => measureCommand("prepare", data, prepareUrl));
    await databases.drop("bench_prepare");
    const result = {
      documents,
      counts,
      bytes,
      prepare,
      execute: [] as CommandMeasure[],
      verify: [] as CommandMeasure[],
      limitSeconds: [] as number[],
    };
    const psql = await findPsql();
    for (let run = 1; run <= runs; run += 1) {
      signal.throwIfAborted();
      const url = await databases.fresh("bench_execute");
      result.execute.push(await reporter.step(`execute ${run}/${runs}`, () => measureCommand("execute", data, url)));
      result.verify.push(await reporter.step(`verify ${run}/${runs}`, () => measureCommand("verify", data, url)));
      if (run === 1) await reporter.step("prepare the limit's rows", () => copyOut(url, directory));
      await databases.drop("bench_execute");
      signal.throwIfAborted();
      const limitUrl = await databases.fresh("bench_limit");
      result.limitSeconds.push(
        await reporter.step(`limit ${run}/${runs}`, () => measureCopy(limitUrl, directory, psql)),
      );
      await databases.drop("bench_limit");
    }
    const insertSeconds = await measureInsertsScaled(options, databases, sample);
    return {
      ...result,
      limitTool: psql === undefined ? "pg-copy-streams" : "psql",
      insertSeconds,
      postgresVersion: server.version,
    };
  } finally {
    await discardLocalServer(home);
    await rm(directory, { recursive: true, force: true });
  }
}

async function measureInsertsScaled(
  { documents, insertSample, reporter }: LoadBenchOptions,
  databases: BenchDatabases,
  sample: string,
): Promise<number | undefined> {
  if (insertSample === undefined) return undefined;
  await generateData(sample, insertSample);
  const url = await databases.fresh("bench_insert");
  const seconds = await reporter.step("insert each", () => measureInserts(url, sample));
  return (seconds * documents) / insertSample;
}
