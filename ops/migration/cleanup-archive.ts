/** The archive that a cleanup keeps, and how far an earlier cleanup came. */

import { listBackupSets } from "../backup/backup-set.ts";
import type { BackupFile, BackupSet } from "../backup/manifest.ts";
import { verifyBackupSet } from "../backup/verify-backup-set.ts";
import { OpsError } from "../errors.ts";
import { readJournal } from "../state/journal.ts";
import { stateDirectory } from "../state/state-directory.ts";
import type { Fingerprint } from "./fingerprint.ts";

export const cleanupEvent = "migrate cleanup";

export interface CleanupHistory {
  /** The newest cleanup that ended: its archive's name. */
  finished: string | undefined;
  /** The archive of a newer cleanup that was stopped before its end; not verified here. */
  unfinished: BackupSet | undefined;
}

/** Reads from archives and journal what earlier cleanups have done. */
export async function readCleanupHistory(dataDirectory: string): Promise<CleanupHistory> {
  const entries = await readJournal(stateDirectory(dataDirectory));
  const finished = entries.filter(({ event }) => event === cleanupEvent).map(({ facts }) => String(facts["archive"]));
  const newest = (await listBackupSets(dataDirectory)).findLast(({ manifest }) => manifest?.reason === "cleanup");
  const unfinished = newest === undefined || finished.includes(newest.name) ? undefined : newest;
  return {
    finished: finished.at(-1),
    unfinished:
      unfinished === undefined
        ? undefined
        : { name: unfinished.name, path: unfinished.path, manifest: unfinished.manifest! },
  };
}

/**
 * The archive of a stopped cleanup, when it holds all the files that are still there as they are now, so that the cleanup
 * can go on with it.
 *
 * @throws OpsError `backup-damaged` when files of it are gone already, so that it is all there is
 */
export async function findResumable(
  archive: BackupSet | undefined,
  current: readonly Fingerprint[],
  signal: AbortSignal,
): Promise<BackupSet | undefined> {
  if (archive === undefined) return undefined;
  const kept = new Map(archive.manifest.files.map((file) => [file.name, file]));
  if (!current.every((fingerprint) => isSame(kept.get(fingerprint.file), fingerprint))) return undefined;
  try {
    return await verifyBackupSet(archive.path, { signal });
  } catch (error) {
    // As long as every file is in place, a new archive is the better one.
    if (error instanceof OpsError && error.code === "backup-damaged" && current.length === kept.size) return undefined;
    throw error;
  }
}

/** True when the archive holds the very bytes of the file. */
export function isSame(kept: BackupFile | undefined, { size, sha256 }: Fingerprint): boolean {
  return kept !== undefined && kept.bytes === size && kept.sha256 === sha256;
}
