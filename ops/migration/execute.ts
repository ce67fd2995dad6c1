/** Loads the collections' files into PostgreSQL, resumably; see load/ for how one collection is loaded. */

import type { Client } from "pg";
import { withAdvisoryLock } from "../postgres/advisory-lock.ts";
import { withClient } from "../postgres/connection.ts";
import { migrateSchema } from "../postgres/schema.ts";
import { checkUnprepared } from "./check-unprepared.ts";
import { fingerprintFile } from "./fingerprint.ts";
import type { Fingerprint } from "./fingerprint.ts";
import { encoderTask, loadCollection } from "./load/collection-loader.ts";
import { describeProgress } from "./load/describe-progress.ts";
import { encodeFiles } from "./load/encoder.ts";
import type { Encoded } from "./load/encoder.ts";
import type { LoadProgress } from "./load/load-progress.ts";
import { planLoad } from "./load/plan-load.ts";
import type { LoadTask, PlanLoadOptions } from "./load/plan-load.ts";
import { validateIntegrity } from "./load/validate-load.ts";
import type { CollectionOutcome, ExecuteResult, ValidateOptions } from "./load/validate-load.ts";
import { findSources } from "./sources.ts";
import type { Source } from "./sources.ts";
import type { Segments } from "./worker-stream.ts";

export interface ExecuteOptions extends PlanLoadOptions, ValidateOptions {
  url: string;
  /** Bytes of a batch, for the loader. */
  batchBytes?: number;
}

/**
 * Runs the whole load under the migration lock. A second run does only what is still to do.
 *
 * @throws OpsError `already-running`, `lock-lost`, `broken-json`, `source-changed`, `source-changed-since-load`,
 *   `not-only-loaded`, `source-missing`, `quarantined`, `disk-full`, `interrupted`, or one of the database's
 */
export async function executeMigration(options: ExecuteOptions): Promise<ExecuteResult> {
  const { url, reporter } = options;
  return await withAdvisoryLock(url, "migrate", "migrate execute", async (lock) => {
    const signal = AbortSignal.any([options.signal, lock]);
    const { sources } = await findSources(options.dataDirectory);
    const fingerprints = await reporter.step("checkSources", async (note) => {
      const before = await fingerprintAll(sources, signal);
      note(await checkUnprepared(options.dataDirectory, sources, before));
      return before;
    });
    signal.throwIfAborted();
    await reporter.step("prepareSchema", async (note) => {
      const { applied, alreadyApplied } = await migrateSchema(url);
      note(`${applied.length} migrations applied, ${alreadyApplied} were there before`);
    });
    return await withClient(url, { applicationName: "migrate execute", role: "lt_admin" }, async (client) => {
      const tasks = await planLoad(client, sources, fingerprints, options);
      signal.throwIfAborted();
      const outcomes: CollectionOutcome[] = [];
      await using segments = encodeFiles(tasks.filter(isOpen).map((task) => encoderTask(loadOf(task, options))));
      for (const task of tasks) outcomes.push(await loadOne(client, task, segments, { ...options, signal }));
      return await validateIntegrity(client, { ...options, signal }, tasks, outcomes);
    });
  });
}

async function fingerprintAll(sources: Source[], signal: AbortSignal): Promise<Fingerprint[]> {
  const fingerprints: Fingerprint[] = [];
  for (const { path } of sources) {
    signal.throwIfAborted();
    fingerprints.push(await fingerprintFile(path));
  }
  return fingerprints;
}

function isOpen({ progress }: LoadTask): boolean {
  return !progress.complete;
}

function loadOf({ source, fingerprint, progress }: LoadTask, { dataDirectory, batchBytes }: ExecuteOptions) {
  return { collection: source.collection, directory: dataDirectory, source: fingerprint, progress, batchBytes };
}

async function loadOne(
  client: Client,
  task: LoadTask,
  segments: Segments<Encoded>,
  options: ExecuteOptions,
): Promise<CollectionOutcome> {
  const { source, fingerprint, progress } = task;
  return await options.reporter.step(source.collection.step, async (note) => {
    if (!isOpen(task)) {
      note(`already loaded, ${describeProgress(progress)}`);
      return { progress, alreadyLoaded: true };
    }
    const bar = options.reporter.progress(source.collection.name, {
      unit: "documents",
      startAt: row(progress, fingerprint),
    });
    const loaded = await loadCollection({
      ...loadOf(task, options),
      client,
      batches: segments.next(),
      signal: options.signal,
      onProgress: (now) =>
        bar.update(row(now, fingerprint), now.quarantined > 0 ? `quarantined ${now.quarantined}` : undefined),
    });
    bar.clear();
    note(describeProgress(loaded));
    return { progress: loaded, alreadyLoaded: false };
  });
}

function row({ documents, byteOffset }: LoadProgress, { size }: Fingerprint) {
  return { documents, bytes: byteOffset, totalBytes: size };
}
