/** Loads the collections' files into PostgreSQL, resumably; see load/ for how one collection is loaded. */

import type { Client } from "pg";
import type { Reporter } from "../cli/reporter.ts";
import { OpsError } from "../errors.ts";
import { withAdvisoryLock } from "../postgres/advisory-lock.ts";
import { withClient } from "../postgres/connection.ts";
import { migrateSchema } from "../postgres/schema.ts";
import { appendJournal, type JournalEntry } from "../state/journal.ts";
import { stateDirectory } from "../state/state-directory.ts";
import { withWritableDirectory } from "./file-failure.ts";
import { fingerprintFile } from "./fingerprint.ts";
import type { Fingerprint } from "./fingerprint.ts";
import { checkLoad } from "./load/check-load.ts";
import { encoderTask, loadCollection } from "./load/collection-loader.ts";
import { encodeFiles } from "./load/encoder.ts";
import type { Encoded } from "./load/encoder.ts";
import { distrustProgress, emptyProgress, readSettledProgress } from "./load/load-progress.ts";
import type { LoadProgress } from "./load/load-progress.ts";
import { replaceLoaded, withReferrers } from "./load/replace-loaded.ts";
import { findChange, sourceChanged } from "./load/source-changed.ts";
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
  /** Asks before loaded rows are removed, as a command's context does; absent: the caller has asked. */
  confirm?: (question: string, expected: string) => Promise<void>;
  /** Bytes of a batch, for the loader. */
  batchBytes?: number;
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

/** Where each collection goes on; a file that is another one than the loaded one needs `--replace`. */
async function planLoad(
  client: Client,
  sources: Source[],
  fingerprints: Fingerprint[],
  options: ExecuteOptions,
): Promise<LoadTask[]> {
  const recorded = await readSettledProgress(client);
  refuseMissing(sources, recorded);
  const changed = sources.filter(({ collection }, i) => {
    const progress = recorded.get(collection.name);
    return progress !== undefined && progress.source.sha256 !== fingerprints[i]!.sha256;
  });
  if (changed.length > 0) {
    if (!options.replace) throw changedSinceLoad(changed);
    for (const name of await replaceChanged(client, changed, options)) recorded.delete(name);
  }
  return sources.map((source, i) => {
    const fingerprint = fingerprints[i]!;
    return {
      source,
      fingerprint,
      progress: recorded.get(source.collection.name) ?? emptyProgress(source.collection.name, fingerprint),
    };
  });
}

/** @returns the names of the collections that are empty now */
async function replaceChanged(
  client: Client,
  changed: Source[],
  { confirm, reporter }: ExecuteOptions,
): Promise<string[]> {
  const affected = withReferrers(changed.map(({ collection }) => collection));
  const names = affected.map(({ name }) => name);
  await confirm?.(
    `The loaded rows of ${names.join(", ")} will be removed and loaded anew from the files. Type replace to go on.`,
    "replace",
  );
  await replaceLoaded(client, affected);
  reporter.note(`replaced  ${names.join(", ")}: loaded anew, because the files have changed`);
  return names;
}

/** A collection that was left half way has its constraints suspended; without its file nobody would build them again. */
function refuseMissing(sources: Source[], recorded: ReadonlyMap<string, LoadProgress>): void {
  const present = new Set(sources.map(({ collection }) => collection.name));
  const missing = [...recorded.values()].filter(({ collection, complete }) => !complete && !present.has(collection));
  if (missing.length === 0) return;
  const files = missing.map(({ source }) => source.file).join(", ");
  throw new OpsError("source-missing", `${files}: a run that was stopped had begun to load it, and the file is gone.`, {
    hint: "Bring the file back into the data directory (a backup set has it), then run the same command again.",
    details: { files: missing.map(({ source }) => source.file) },
  });
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

/** The plan's last step: the files are still the same, the tables hold what was counted, the quarantine is accepted. */
async function validateIntegrity(
  client: Client,
  options: ExecuteOptions,
  tasks: LoadTask[],
  outcomes: CollectionOutcome[],
): Promise<ExecuteResult> {
  const { reporter, acceptQuarantined } = options;
  const quarantined = outcomes.reduce((sum, { progress }) => sum + progress.quarantined, 0);
  await reporter.step("validateIntegrity", async (note) => {
    const [changed] = await Promise.all([
      findChanged(tasks),
      checkLoad(
        client,
        outcomes.map(({ progress }) => progress),
      ),
    ]);
    if (changed !== undefined) await refuseChanged(client, changed, outcomes);
    note("files unchanged, rows counted, tables analyzed");
  });
  options.signal.throwIfAborted();
  const facts = {
    collections: outcomes.map(({ progress }) => progress),
    quarantined,
    acceptedQuarantined: acceptQuarantined,
  };
  const journal = await recordRun(options.dataDirectory, facts);
  if (quarantined !== acceptQuarantined) throw quarantineError(quarantined, acceptQuarantined);
  return { outcomes, quarantined, journal };
}

interface ChangedSource {
  source: Source;
  change: string;
}

async function findChanged(tasks: LoadTask[]): Promise<ChangedSource | undefined> {
  for (const { source, fingerprint } of tasks) {
    const change = await findChange(source.path, fingerprint);
    if (change !== undefined) return { source, change };
  }
  return undefined;
}

/** What this run has loaded from the file may be of two versions; what an earlier run has loaded is not. */
async function refuseChanged(
  client: Client,
  { source, change }: ChangedSource,
  outcomes: CollectionOutcome[],
): Promise<never> {
  const { name } = source.collection;
  if (outcomes.some(({ progress, alreadyLoaded }) => progress.collection === name && !alreadyLoaded))
    await distrustProgress(client, name);
  throw sourceChanged(source.file, change);
}

async function recordRun(dataDirectory: string, facts: JournalEntry["facts"]): Promise<JournalEntry> {
  const state = stateDirectory(dataDirectory);
  const write = () => appendJournal(state, "migrate execute", facts);
  return await withWritableDirectory("The rows are loaded, but the journal was not written", state.root, write);
}

/** A collection's counts in words: `1,000 documents, 2 orphans`. */
export function describeProgress({ documents, quarantined, orphans, duplicates }: LoadProgress): string {
  const parts = [counted(documents, "document")];
  if (orphans > 0) parts.push(`${counted(orphans, "orphan")} kept`);
  if (duplicates > 0) parts.push(`${counted(duplicates, "duplicate registration")} kept`);
  if (quarantined > 0) parts.push(`${quarantined} quarantined`);
  return parts.join(", ");
}

function counted(count: number, noun: string): string {
  return `${count.toLocaleString("en-US")} ${noun}${count === 1 ? "" : "s"}`;
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
