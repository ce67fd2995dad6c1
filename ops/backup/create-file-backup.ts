/** Makes a backup set of the application's files. */

import { randomBytes } from "node:crypto";
import { mkdir, readdir, rename, rm, statfs } from "node:fs/promises";
import { basename, join } from "node:path";
import packageFile from "../../package.json" with { type: "json" };
import { OpsError } from "../errors.ts";
import type { Fingerprint } from "../migration/fingerprint.ts";
import { isFileError } from "../platform/file-errors.ts";
import { holdSharedLock, whenUnlocked } from "../platform/file-lock.ts";
import { makePrivateDirectory, stateDirectory } from "../state/state-directory.ts";
import { replaceFile, syncDirectory } from "../state/write-file.ts";
import { nameSet } from "./backup-set.ts";
import { compressFile } from "./compressed-file.ts";
import { archiveName, manifestName, readManifest, sealManifest } from "./manifest.ts";
import type { BackupFile, BackupReason, BackupSet } from "./manifest.ts";
import { sourceChanged } from "./source-changed.ts";
import { verifyBackupSet } from "./verify-backup-set.ts";

/** A file to back up. */
export interface BackupSource {
  /** File name. */
  file: string;
  path: string;
  collection: { name: string };
}

export interface CreateBackupOptions {
  dataDirectory: string;
  sources: readonly BackupSource[];
  /** What each source has to be, in the same order: another content fails the backup. */
  fingerprints: readonly Fingerprint[];
  reason: BackupReason;
  schemaHead?: string | undefined;
  /** Gets the plain bytes dealt with so far; each byte counts twice, when it is written and when it is read back. */
  onProgress?: (bytes: number) => void;
  signal: AbortSignal;
}

const temporaryPrefix = ".creating-";

/**
 * Copies the files into a new set, reads all of it back, and only then gives the set its name: what has the name of a set is
 * complete and verified, also after a kill or a power cut at any moment.
 *
 * @returns the finished set
 * @throws OpsError `source-changed` when a file is not the fingerprinted one any more, `backup-damaged` when the disk gives
 *   back something else than was written, `disk-full`, `interrupted`
 */
export async function createFileBackup(options: CreateBackupOptions): Promise<BackupSet> {
  const { root, backups } = stateDirectory(options.dataDirectory);
  try {
    await makePrivateDirectory(root);
    await makePrivateDirectory(backups);
    await syncDirectory(root);
    return await withTemporaryDirectory(backups, async (directory) => {
      const createdAt = new Date();
      await fillSet(directory, createdAt, options);
      return await nameFinishedSet(directory, backups, createdAt);
    });
  } catch (error) {
    if (isFileError(error, "ENOSPC", "EDQUOT")) throw await diskFull(backups, options, error);
    throw error;
  }
}

/** A directory that is removed unless `task` moves it away; leftovers of killed runs go first. */
async function withTemporaryDirectory<T>(backups: string, task: (path: string) => Promise<T>): Promise<T> {
  const lockFile = join(backups, ".lock");
  // Nobody else has the lock in any form, so nobody works in these directories.
  await whenUnlocked(lockFile, () => removeLeftovers(backups));
  const lock = await holdSharedLock(lockFile);
  const path = join(backups, `${temporaryPrefix}${process.pid}-${randomBytes(4).toString("hex")}`);
  try {
    await mkdir(path, { mode: 0o700 });
    return await task(path);
  } finally {
    await rm(path, { recursive: true, force: true });
    lock.release();
  }
}

async function removeLeftovers(backups: string): Promise<void> {
  for (const name of await readdir(backups)) {
    if (name.startsWith(temporaryPrefix)) await rm(join(backups, name), { recursive: true, force: true });
  }
}

async function fillSet(directory: string, createdAt: Date, options: CreateBackupOptions): Promise<void> {
  const { reason, schemaHead, signal } = options;
  let done = 0;
  const onBytes = (bytes: number): void => options.onProgress?.((done += bytes));
  const files: BackupFile[] = [];
  for (const [i, source] of options.sources.entries()) {
    files.push(await copySource(source, options.fingerprints[i], directory, onBytes, signal));
  }
  const manifest = {
    formatVersion: 1 as const,
    createdAt: createdAt.toISOString(),
    source: "files" as const,
    toolVersion: packageFile.version,
    reason,
    ...(schemaHead === undefined ? {} : { schemaHead }),
    files,
  };
  await replaceFile(join(directory, manifestName), sealManifest(manifest));
  await verifyBackupSet(directory, { onBytes, signal });
}

async function copySource(
  source: BackupSource,
  fingerprint: Fingerprint | undefined,
  directory: string,
  onBytes: (bytes: number) => void,
  signal: AbortSignal,
): Promise<BackupFile> {
  const name = source.file;
  const { plain, gzip, documents } = await compressFile(
    source.path,
    join(directory, archiveName({ name })),
    onBytes,
    signal,
  );
  if (plain.sha256 !== fingerprint?.sha256 || plain.bytes !== fingerprint.size)
    throw sourceChanged(name, "the bytes that were copied are not the ones that were read before");
  if (documents === undefined) {
    throw new OpsError("broken-json", `${name} is no whole JSON array, so it cannot be backed up as a collection.`, {
      hint: "To see the line and column: npx zx ops/migrate.mjs prepare",
    });
  }
  return { name, collection: source.collection.name, documents, ...plain, gzip };
}

/** Renaming never replaces a set: a directory that has something in it is refused by the file system. */
async function nameFinishedSet(directory: string, backups: string, createdAt: Date): Promise<BackupSet> {
  for (let attempt = 1; ; attempt += 1) {
    const path = join(backups, nameSet(createdAt, attempt));
    try {
      await rename(directory, path);
    } catch (error) {
      if (isFileError(error, "EEXIST", "ENOTEMPTY")) continue;
      throw error;
    }
    await syncDirectory(backups);
    return { name: basename(path), path, manifest: await readManifest(path) };
  }
}

async function diskFull(backups: string, { fingerprints }: CreateBackupOptions, cause: unknown): Promise<OpsError> {
  const { bavail, bsize } = await statfs(backups).catch(() => ({ bavail: 0, bsize: 0 }));
  const free = Math.floor((bavail * bsize) / 1e6);
  const plain = Math.ceil(fingerprints.reduce((sum, { size }) => sum + size, 0) / 1e6);
  return new OpsError(
    "disk-full",
    `No space is left for a backup set in ${backups} (${free} MB free, the files have ${plain} MB).`,
    {
      hint: "Free space on that disk (a set takes a tenth to a quarter of the files' size), then run the same command again.",
      cause,
      details: { directory: backups, freeMegabytes: free },
    },
  );
}
