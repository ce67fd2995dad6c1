/** The backup sets beside a data directory. */

import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { OpsError } from "../errors.ts";
import type { Fingerprint } from "../migration/fingerprint.ts";
import { isFileError } from "../platform/file-errors.ts";
import { stateDirectory } from "../state/state-directory.ts";
import { archiveName, readManifest } from "./manifest.ts";
import type { BackupManifest, BackupSet } from "./manifest.ts";

/** A directory that is named like a backup set. */
export interface ListedSet {
  name: string;
  path: string;
  /** Undefined when the manifest is damaged. */
  manifest: BackupManifest | undefined;
  /** What is wrong with the manifest. The files themselves are only looked at by `verifyBackupSet`. */
  damage: string | undefined;
}

const setName = /^\d{4}-\d\d-\d\dT\d\d-\d\d-\d\dZ-files(?:-\d+)?$/;

/** Name of a set that is made at `time`; `attempt` counts from 1 when the names before are taken. */
export function nameSet(time: Date, attempt: number): string {
  const second = time.toISOString().slice(0, 19).replaceAll(":", "-");
  return `${second}Z-files${attempt === 1 ? "" : `-${attempt}`}`;
}

/** All sets, oldest first, damaged ones included; none when there is no directory for them yet. */
export async function listBackupSets(dataDirectory: string): Promise<ListedSet[]> {
  const { backups } = stateDirectory(dataDirectory);
  const names = await readdir(backups).catch((error: unknown) => {
    if (isFileError(error, "ENOENT")) return [];
    throw error;
  });
  const sets: ListedSet[] = [];
  for (const name of names.filter((candidate) => setName.test(candidate)))
    sets.push(await listSet(join(backups, name), name));
  return sets.toSorted(byTime);
}

/**
 * The newest set that holds every one of these files, byte for byte as its manifest says. Cheap: the archives are there and
 * have the right sizes, but they are not unpacked.
 *
 * @returns undefined when there is none, so that the files have to be read and copied
 */
export async function findPreparedSet(
  dataDirectory: string,
  fingerprints: readonly Fingerprint[],
): Promise<BackupSet | undefined> {
  for (const { name, path, manifest } of (await listBackupSets(dataDirectory)).toReversed()) {
    if (manifest === undefined || !fingerprints.every((wanted) => holds(manifest, wanted))) continue;
    if (await hasArchives(path, manifest)) return { name, path, manifest };
  }
  return undefined;
}

function holds({ files }: BackupManifest, { file, size, sha256 }: Fingerprint): boolean {
  return files.some((kept) => kept.name === file && kept.bytes === size && kept.sha256 === sha256);
}

async function hasArchives(path: string, { files }: BackupManifest): Promise<boolean> {
  for (const file of files) {
    const size = await stat(join(path, archiveName(file))).then(
      (stats) => stats.size,
      () => undefined,
    );
    if (size !== file.gzip.bytes) return false;
  }
  return true;
}

async function listSet(path: string, name: string): Promise<ListedSet> {
  try {
    return { name, path, manifest: await readManifest(path), damage: undefined };
  } catch (error) {
    if (!(error instanceof OpsError)) throw error;
    return { name, path, manifest: undefined, damage: error.message };
  }
}

/** By the moment, then by the number of the set within its second; a damaged set's moment is the one of its name. */
function byTime(a: ListedSet, b: ListedSet): number {
  const [first, second] = [momentOf(a), momentOf(b)];
  return first === second ? a.name.length - b.name.length || compareText(a.name, b.name) : compareText(first, second);
}

function momentOf({ name, manifest }: ListedSet): string {
  return manifest?.createdAt ?? `${name.slice(0, 10)}T${name.slice(11, 19).replaceAll("-", ":")}.000Z`;
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
