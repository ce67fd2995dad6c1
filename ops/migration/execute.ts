/** Loads the collections' files into PostgreSQL, resumably; see load/ for how one collection is loaded. */

import type { Client } from "pg";
import type { Reporter } from "../cli/reporter.ts";
import { OpsError } from "../errors.ts";
import { withAdvisoryLock } from "../postgres/advisory-lock.ts";
import { withClient } from "../postgres/connection.ts";
import { migrateSchema } from "../postgres/schema.ts";
import { appendJournal, type JournalEntry } from "../state/journal.ts";
import { stateDirectory } from "../state/state-directory.ts";
import { describeChange, fingerprintFile } from "./fingerprint.ts";
import type { Fingerprint } from "./fingerprint.ts";
import { checkLoad } from "./load/check-load.ts";
import { encoderTask, loadCollection, sourceChanged } from "./load/collection-loader.ts";
import { encodeFiles } from "./load/encoder.ts";
import type { Encoded } from "./load/encoder.ts";
import { emptyProgress, readProgress } from "./load/load-progress.ts";
import type { LoadProgress } from "./load/load-progress.ts";
import { replaceLoaded } from "./load/replace-loaded.ts";
import { checkUnprepared } from "./check-unprepared.ts";
import { findSources } from "./sources.ts";
import type { Source } from "./sources.ts";
import type { Segments } from "./worker-stream.ts";

export interface ExecuteOptions {
  url: string;
  dataDirectory: string;
  /** Documents in quarantine that the operator has looked at: any other number fails the run. */
  acceptQuarantined: number;
  /** Load files anew that changed since they were loaded. */
  replace: boolean;
  reporter: Reporter;
  signal: AbortSignal;
}

export interface CollectionOutcome {
  progress: LoadProgress;
  /** The collection was complete before this run. */
  alreadyLoaded: boolean;
}

export interface ExecuteResult {
  outcomes: CollectionOutcome[];
  quarantined: number;
  journal: JournalEntry;
}

interface LoadTask {
  source: Source;
  fingerprint: Fingerprint;
  progress: LoadProgress;
}

/**
 * Runs the whole load under the migration lock. A second run does only what is still to do.
 *
 * @throws OpsError `already-running`, `broken-json`, `source-changed`, `source-changed-since-load`, `quarantined`,
 *   `interrupted`, or one of the database's
 */
export async function executeMigration(options: ExecuteOptions): Promise<ExecuteResult> {
  const { url, reporter } = options;
  return await withAdvisoryLock(url, "migrate", "migrate execute", async (lock) => {
    const signal = AbortSignal.any([options.signal, lock]);
    const { sources } = await findSources(options.dataDirectory);
    const fingerprints = await reporter.step("checkSources", async (note) => {
      const before = await fingerprintAll(sources);
      note(await checkUnprepared(options.dataDirectory, sources, before));
      return before;
    });
    await reporter.step("prepareSchema", async (note) => {
      const { applied, alreadyApplied } = await migrateSchema(url);
      note(`${applied.length} migrations applied, ${alreadyApplied} were there before`);
    });
    return await withClient(url, { applicationName: "migrate execute", role: "lt_admin" }, async (client) => {
      const tasks = await planLoad(client, sources, fingerprints, options);
      const outcomes: CollectionOutcome[] = [];
      await using segments = encodeFiles(tasks.filter(isOpen).map((task) => encoderTask(loadOf(task, options))));
      for (const task of tasks) outcomes.push(await loadOne(client, task, segments, { ...options, signal }));
      return await validateIntegrity(client, options, tasks, outcomes);
    });
  });
}

async function fingerprintAll(sources: Source[]): Promise<Fingerprint[]> {
  const fingerprints: Fingerprint[] = [];
  for (const { path } of sources) fingerprints.push(await fingerprintFile(path));
  return fingerprints;
}

/** Where each collection goes on; a file that is another one than the loaded one needs `--replace`. */
async function planLoad(client: Client, sources: Source[], fingerprints: Fingerprint[], options: ExecuteOptions): Promise<LoadTask[]> {
  const recorded = await readProgress(client);
  const changed = sources.filter(({ collection }, i) => {
    const progress = recorded.get(collection.name);
    return progress !== undefined && progress.source.sha256 !== fingerprints[i]!.sha256;
  });
  if (changed.length > 0) {
    if (!options.replace) throw changedSinceLoad(changed);
    const replaced = await replaceLoaded(client, changed.map(({ collection }) => collection));
    options.reporter.note(`replaced  ${replaced.join(", ")}: loaded anew, because the files have changed`);
    for (const name of replaced) recorded.delete(name);
  }
  return sources.map((source, i) => {
    const fingerprint = fingerprints[i]!;
    return { source, fingerprint, progress: recorded.get(source.collection.name) ?? emptyProgress(source.collection.name, fingerprint) };
  });
}

function isOpen({ progress }: LoadTask): boolean {
  return !progress.complete;
}

function loadOf({ source, fingerprint, progress }: LoadTask, { dataDirectory }: ExecuteOptions) {
  return { collection: source.collection, directory: dataDirectory, source: fingerprint, progress };
}

async function loadOne(client: Client, task: LoadTask, segments: Segments<Encoded>, options: ExecuteOptions): Promise<CollectionOutcome> {
  const { source, fingerprint, progress } = task;
  return await options.reporter.step(source.collection.step, async (note) => {
    if (!isOpen(task)) {
      note(`already loaded, ${describeProgress(progress)}`);
      return { progress, alreadyLoaded: true };
    }
    const bar = options.reporter.progress(source.collection.name, { unit: "documents", startAt: row(progress, fingerprint) });
    const loaded = await loadCollection({
      ...loadOf(task, options),
      client,
      batches: segments.next(),
      signal: options.signal,
      onProgress: (now) => bar.update(row(now, fingerprint), now.quarantined > 0 ? `quarantined ${now.quarantined}` : undefined),
    });
    bar.finish();
    note(describeProgress(loaded));
    return { progress: loaded, alreadyLoaded: false };
  });
}

function row({ documents, byteOffset }: LoadProgress, { size }: Fingerprint) {
  return { documents, bytes: byteOffset, totalBytes: size };
}

/** The plan's last step: the files are still the same, the tables hold what was counted, the quarantine is accepted. */
async function validateIntegrity(
  client: Client,
  options: ExecuteOptions,
  tasks: LoadTask[],
  outcomes: CollectionOutcome[],
): Promise<ExecuteResult> {
  const { reporter, dataDirectory } = options;
  const quarantined = outcomes.reduce((sum, { progress }) => sum + progress.quarantined, 0);
  await reporter.step("validateIntegrity", async (note) => {
    await Promise.all([refuseChanges(tasks), checkLoad(client, outcomes.map(({ progress }) => progress))]);
    note("files unchanged, rows counted, tables analyzed");
  });
  const facts = { collections: outcomes.map(({ progress }) => progress), quarantined, acceptedQuarantined: options.acceptQuarantined };
  const journal = await appendJournal(stateDirectory(dataDirectory), "migrate execute", facts);
  if (quarantined !== options.acceptQuarantined) throw quarantineError(quarantined, options.acceptQuarantined);
  return { outcomes, quarantined, journal };
}

async function refuseChanges(tasks: LoadTask[]): Promise<void> {
  for (const { source, fingerprint } of tasks) {
    const change = describeChange(fingerprint, await fingerprintFile(source.path));
    if (change !== undefined) throw sourceChanged(source.file, change);
  }
}

/** A collection's counts in words: `1,000 documents, 2 orphans`. */
export function describeProgress({ documents, quarantined, orphans, duplicates }: LoadProgress): string {
  const parts = [`${documents.toLocaleString("en-US")} documents`];
  if (orphans > 0) parts.push(`${orphans} orphans kept`);
  if (duplicates > 0) parts.push(`${duplicates} duplicate registrations kept`);
  if (quarantined > 0) parts.push(`${quarantined} quarantined`);
  return parts.join(", ");
}

function changedSinceLoad(changed: Source[]): OpsError {
  const files = changed.map(({ file }) => file).join(", ");
  return new OpsError("source-changed-since-load", `${files}: another version of the file was loaded before.`, {
    hint: "To remove the loaded rows and load the files as they are now: npx zx ops/migrate.mjs execute --replace",
    details: { files: changed.map(({ file }) => file) },
  });
}

function quarantineError(quarantined: number, accepted: number): OpsError {
  return new OpsError("quarantined", `${quarantined} documents are quarantined, and ${accepted} are accepted.`, {
    hint: `Look at them with: npx zx ops/migrate.mjs status; accept exactly these with: --accept-quarantined ${quarantined}`,
    details: { quarantined, accepted },
  });
}
