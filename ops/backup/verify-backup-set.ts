import { readdir } from "node:fs/promises";
import { basename, join } from "node:path";
import { isFileError } from "../platform/file-errors.ts";
import { readCompressedFile } from "./compressed-file.ts";
import type { CompressedFile } from "./compressed-file.ts";
import { archiveName, damaged, manifestName, readManifest } from "./manifest.ts";
import type { BackupFile, BackupSet } from "./manifest.ts";

export interface VerifySetOptions {
  /** Gets the number of plain bytes read since its last call. */
  onBytes?: (bytes: number) => void;
  signal?: AbortSignal;
}

/**
 * Reads every file of a set back, unpacks it, and compares sizes, hashes and numbers of documents with the manifest.
 *
 * @param path the set's directory
 * @throws OpsError `backup-damaged` naming the file and what is wrong with it
 */
export async function verifyBackupSet(path: string, options: VerifySetOptions = {}): Promise<BackupSet> {
  const manifest = await readManifest(path);
  await compareNames(path, manifest.files);
  for (const file of manifest.files) await verifyFile(path, file, options);
  return { name: basename(path), path, manifest };
}

async function compareNames(path: string, files: BackupFile[]): Promise<void> {
  const found = new Set(await readdir(path));
  const expected = new Set([manifestName, ...files.map(archiveName)]);
  for (const name of expected) if (!found.has(name)) throw damaged(path, name, "is missing");
  for (const name of found) if (!expected.has(name)) throw damaged(path, name, "is not in the manifest");
}

async function verifyFile(path: string, file: BackupFile, { onBytes, signal }: VerifySetOptions): Promise<void> {
  const name = archiveName(file);
  const read = await readCompressedFile(join(path, name), onBytes ?? (() => {}), signal ?? neverAborted).catch(
    (error: unknown) => {
      if (isUnpackError(error)) throw damaged(path, name, `cannot be unpacked (${error.message})`);
      if (isFileError(error, "EIO")) throw damaged(path, name, `cannot be read (${error.message})`);
      throw error;
    },
  );
  const problem = describeDamage(file, read);
  if (problem !== undefined) throw damaged(path, name, problem);
}

const neverAborted = new AbortController().signal;

function describeDamage(file: BackupFile, { plain, gzip, documents }: CompressedFile): string | undefined {
  if (gzip.bytes !== file.gzip.bytes) return `has ${gzip.bytes} bytes instead of ${file.gzip.bytes}`;
  if (gzip.sha256 !== file.gzip.sha256) return "has another SHA-256 than the manifest says";
  if (plain.bytes !== file.bytes) return `unpacks to ${plain.bytes} bytes instead of ${file.bytes}`;
  if (plain.sha256 !== file.sha256) return "unpacks to another SHA-256 than the manifest says";
  if (documents !== file.documents) return `holds ${documents ?? "no array of"} documents instead of ${file.documents}`;
  return undefined;
}

function isUnpackError(error: unknown): error is Error {
  return error instanceof Error && "code" in error && typeof error.code === "string" && error.code.startsWith("Z_");
}
