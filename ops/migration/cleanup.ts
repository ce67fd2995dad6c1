/** Ends the time of the JSON files: archives them and removes them, once they are proved to be in the database. */

import { unlink } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { createFileBackup } from "../backup/create-file-backup.ts";
import type { BackupSet } from "../backup/manifest.ts";
import { sourceChanged } from "../backup/source-changed.ts";
import type { Reporter } from "../cli/reporter.ts";
import { OpsError } from "../errors.ts";
import { withAdvisoryLock } from "../postgres/advisory-lock.ts";
import { appendJournal } from "../state/journal.ts";
import { stateDirectory } from "../state/state-directory.ts";
import { syncDirectory } from "../state/write-file.ts";
import { cleanupEvent, findResumable, isSame, readCleanupHistory } from "./cleanup-archive.ts";
import type { CleanupHistory } from "./cleanup-archive.ts";
import { requireVerifiedDatabase } from "./cleanup-checks.ts";
import { fingerprintFile } from "./fingerprint.ts";
import type { Fingerprint } from "./fingerprint.ts";
import { findSources } from "./sources.ts";
import type { Source } from "./sources.ts";
import { requireFreshEvidence } from "./verify/evidence.ts";
import type { Evidence } from "./verify/evidence.ts";

export interface CleanupOptions {
  dataDirectory: string;
  url: string;
  reporter: Reporter;
  /** Returns once the person typed `expected`. */
  confirm: (question: string, expected: string) => Promise<void>;
  /** Lists what would be done and writes nothing. */
  dryRun: boolean;
  signal: AbortSignal;
}

export interface CleanupResult {
  /** An earlier run has done it all. */
  alreadyDone: boolean;
  dryRun: boolean;
  /** Files that were removed, or would be. */
  files: { file: string; bytes: number; sha256: string }[];
  /** Directory of the archive; undefined in a dry run that would make one. */
  archive: string | undefined;
  /** What cannot be done any more, one sentence each. */
  impossible: string[];
}

interface Plan {
  sources: Source[];
  fingerprints: Fingerprint[];
  /** The archive of a stopped run to go on with. */
  archive: BackupSet | undefined;
  evidence: Evidence;
}

/**
 * Archives and removes the collections' files. Killed at any moment, it leaves each file in place or in a verified archive,
 * and the next run goes on; a run after the last does nothing.
 *
 * @throws OpsError `no-evidence`, `stale-evidence`, `other-database`, `changed-since-verify`, `cancelled`, `source-changed`,
 *   `backup-damaged`, `disk-full`, `already-running`, `no-data`
 */
export async function cleanupFiles(options: CleanupOptions): Promise<CleanupResult> {
  const { url, dataDirectory } = options;
  const history = await readCleanupHistory(dataDirectory);
  const { sources, fingerprints } = await readCurrent(dataDirectory, history);
  if (sources.length === 0 && history.unfinished === undefined) return alreadyDone(options, history);
  return await withAdvisoryLock(url, "migrate", "migrate cleanup", async (lock) => {
    const signal = AbortSignal.any([options.signal, lock]);
    const plan = await options.reporter.step("checkEvidence", async (note) => {
      const archive = await findResumable(history.unfinished, fingerprints, signal);
      const evidence = await requireEvidence(dataDirectory, fingerprints, archive);
      await requireVerifiedDatabase(url, evidence);
      note(`verified at ${evidence.at}${archive === undefined ? "" : `, going on with ${archive.name}`}`);
      return { sources, fingerprints, archive, evidence };
    });
    return await carryOut({ ...options, signal }, plan);
  });
}

async function readCurrent(
  dataDirectory: string,
  { finished, unfinished }: CleanupHistory,
): Promise<Pick<Plan, "sources" | "fingerprints">> {
  try {
    const { sources } = await findSources(dataDirectory);
    const fingerprints: Fingerprint[] = [];
    for (const { path } of sources) fingerprints.push(await fingerprintFile(path));
    return { sources, fingerprints };
  } catch (error) {
    const removed = finished !== undefined || unfinished !== undefined;
    if (removed && error instanceof OpsError && error.code === "no-data") return { sources: [], fingerprints: [] };
    throw error;
  }
}

/**
 * Evidence for the files that are there and for those that a stopped run has removed. Such a run had to be allowed when it
 * made its archive, so evidence that was fresh then is enough for going on: the files cannot be verified again.
 */
async function requireEvidence(
  dataDirectory: string,
  fingerprints: readonly Fingerprint[],
  archive: BackupSet | undefined,
): Promise<Evidence> {
  const hashes = new Map(archive?.manifest.files.map(({ name, sha256 }) => [name, sha256]));
  for (const { file, sha256 } of fingerprints) hashes.set(file, sha256);
  try {
    return await requireFreshEvidence(dataDirectory, hashes);
  } catch (error) {
    if (archive === undefined || !(error instanceof OpsError) || error.code !== "stale-evidence") throw error;
    const madeAt = Date.parse(archive.manifest.createdAt);
    return await requireFreshEvidence(dataDirectory, hashes, madeAt).catch(() => {
      throw error;
    });
  }
}

async function carryOut(options: CleanupOptions, plan: Plan): Promise<CleanupResult> {
  const { dataDirectory, reporter, dryRun } = options;
  const files = plan.fingerprints.map(({ file, size, sha256 }) => ({ file, bytes: size, sha256 }));
  const result = { alreadyDone: false, dryRun, files, archive: plan.archive?.path, impossible: [...impossible] };
  if (dryRun) return result;
  if (files.length > 0) await askFor(options, files.length);
  const archive = plan.archive ?? (await archiveFiles(options, plan));
  await reporter.step("removeFiles", async (note) => {
    await removeFiles(options, plan, archive);
    note(`${files.length} files removed`);
  });
  const { at } = plan.evidence;
  const archived = archive.manifest.files.map(({ name: file, documents, sha256 }) => ({ file, documents, sha256 }));
  await appendJournal(stateDirectory(dataDirectory), cleanupEvent, {
    archive: archive.name,
    manifest: archive.manifest.checksum,
    verifiedAt: at,
    files: archived,
  });
  return { ...result, archive: archive.path };
}

async function askFor({ dataDirectory, reporter, confirm }: CleanupOptions, files: number): Promise<void> {
  for (const sentence of impossible) reporter.warn(sentence);
  const name = basename(resolve(dataDirectory));
  await confirm(`This removes ${files} files from ${dataDirectory} after archiving them. Type ${name} to go on.`, name);
}

const impossible = [
  "The application can no longer start from its JSON files (DATABASE_TYPE=file) without unpacking the archive first.",
  "Going back to the files loses what is written to PostgreSQL from now on, unless it is exported: npx zx ops/export.mjs --to DIR",
  "The files can no longer be verified against the database, or loaded again with execute --replace.",
] as const;

async function archiveFiles(options: CleanupOptions, { sources, fingerprints, evidence }: Plan): Promise<BackupSet> {
  const { dataDirectory, reporter, signal } = options;
  return await reporter.step("archiveFiles", async (note) => {
    const schemaHead = evidence.schemaHead;
    const set = await createFileBackup({ dataDirectory, sources, fingerprints, reason: "cleanup", schemaHead, signal });
    note(`${set.path}, read back and equal`);
    return set;
  });
}

/** Removes exactly what the archive holds; each file is read once more, because from here on only the archive has it. */
async function removeFiles(options: CleanupOptions, { sources }: Plan, archive: BackupSet): Promise<void> {
  const { dataDirectory, reporter, signal } = options;
  const kept = new Map(archive.manifest.files.map((file) => [file.name, file]));
  for (const { file } of sources) {
    signal.throwIfAborted();
    const path = join(dataDirectory, file);
    if (!isSame(kept.get(file), await fingerprintFile(path)))
      throw sourceChanged(file, "it is not the file that was archived");
    await unlink(path);
    reporter.detail(`removed ${file}`);
  }
  await syncDirectory(dataDirectory);
}

function alreadyDone({ dataDirectory, dryRun }: CleanupOptions, { finished }: CleanupHistory): CleanupResult {
  const archive = join(stateDirectory(dataDirectory).backups, finished!);
  return { alreadyDone: true, dryRun, files: [], archive, impossible: [...impossible] };
}
