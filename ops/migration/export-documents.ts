/** PostgreSQL's documents back to JSON files that the application boots from: the exact reverse of the load. */

import { createHash } from "node:crypto";
import { mkdir, open, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Client } from "pg";
import type { Reporter } from "../cli/reporter.ts";

import type { Collection } from "../collections/collection.ts";
import { OpsError } from "../errors.ts";
import { stringifyExact } from "../json/value.ts";
import { beginSnapshot, openSnapshot } from "../postgres/snapshot.ts";
import { syncDirectory } from "../state/write-file.ts";
import { withWritableDirectory } from "./file-failure.ts";
import { listStoredCollections } from "./stored-collections.ts";
import { readStoredDocuments } from "./verify/database-records.ts";
import type { StoredDocument } from "./verify/database-records.ts";

export interface ExportOptions {
  client: Client;
  url: string;
  /** Directory to write to: made when missing. */
  directory: string;
  /** Replace files that are there already. */
  overwrite: boolean;
  reporter: Reporter;
  signal: AbortSignal;
}

export interface ExportedFile {
  collection: string;
  file: string;
  documents: number;
  bytes: number;
  sha256: string;
}

/**
 * Writes one file per collection, from one snapshot of the database; documents in quarantine stand in their places.
 *
 * Files are written under temporary names and renamed when all are complete, so that a killed export leaves no file that
 * looks whole.
 *
 * @throws OpsError `directory-in-use` when a file would be overwritten, `collection-name`, `interrupted`, one of `withWritableDirectory`, or the
 *   database's
 */
export async function exportDocuments(options: ExportOptions): Promise<ExportedFile[]> {
  return await withWritableDirectory("The files were not written", options.directory, () => exportAll(options));
}

async function exportAll(options: ExportOptions): Promise<ExportedFile[]> {
  const { client, directory, reporter } = options;
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const snapshot = await beginSnapshot(client);
  const collections = await listStoredCollections(client);
  refuseOddNames(collections);
  if (!options.overwrite) await refuseOverwriting(directory, collections);
  const exported: ExportedFile[] = [];
  const reader = await openSnapshot(options.url, snapshot);
  try {
    for (const collection of collections) {
      const written = await reporter.step(`export ${collection.name}`, async (note) => {
        const file = await exportCollection(reader, collection, options);
        note(`${file.documents.toLocaleString("en-US")} documents`);
        return file;
      });
      exported.push(written);
    }
  } catch (error) {
    await removeTemporaries(directory);
    throw error;
  } finally {
    await reader.end();
  }
  for (const { file } of exported) await rename(join(directory, temporaryName(file)), join(directory, file));
  await syncDirectory(directory);
  return exported;
}

async function exportCollection(reader: Client, collection: Collection, options: ExportOptions): Promise<ExportedFile> {
  const file = `${collection.name}.json`;
  const bar = options.reporter.progress(collection.name, { unit: "documents" });
  const output = await open(join(options.directory, temporaryName(file)), "w", 0o600);
  const hash = createHash("sha256");
  let documents = 0;
  let bytes = 0;
  const write = async (text: string): Promise<void> => {
    hash.update(text);
    bytes += Buffer.byteLength(text);
    // Unlike write, this does not stop half way when the disk is about to be full.
    await output.appendFile(text);
  };
  try {
    for await (const group of readStoredDocuments(reader, collection)) {
      options.signal.throwIfAborted();
      const lines = group.map((stored, i) => `${documents + i === 0 ? "[" : ","}\n${indented(stored)}`);
      documents += group.length;
      await write(lines.join(""));
      bar.update(documents);
    }
    await write(documents === 0 ? "[]" : "\n]");
    await output.sync();
  } finally {
    bar.clear();
    await output.close();
  }
  return { collection: collection.name, file, documents, bytes, sha256: hash.digest("hex") };
}

/** A document as JSON.stringify(array, null, 2) writes it; one in quarantine exactly as it was. */
function indented({ document, text }: StoredDocument): string {
  return `  ${text ?? stringifyExact(document, 2).replaceAll("\n", "\n  ")}`;
}

/** The application may write any name into lightningtalk.documents; no file may land outside of the directory. */
function refuseOddNames(collections: Collection[]): void {
  const odd = collections.find(({ name }) => name === "" || name.startsWith(".") || /[/\\\0]/.test(name));
  if (odd === undefined) return;
  throw new OpsError(
    "collection-name",
    `The collection ${JSON.stringify(odd.name)} in lightningtalk.documents cannot be a file's name.`,
    {
      hint: "Rename the collection in the database, then export again.",
    },
  );
}

async function refuseOverwriting(directory: string, collections: Collection[]): Promise<void> {
  const present = new Set(await readdir(directory));
  const taken = collections.map(({ name }) => `${name}.json`).filter((file) => present.has(file));
  if (taken.length === 0) return;
  throw new OpsError("directory-in-use", `${directory} already holds ${taken.join(", ")}.`, {
    hint: "Name an empty directory with --to DIR, or add --overwrite.",
  });
}

async function removeTemporaries(directory: string): Promise<void> {
  for (const name of await readdir(directory)) {
    if (name.endsWith(temporarySuffix)) await rm(join(directory, name), { force: true });
  }
}

const temporarySuffix = ".lightningtalk-export.tmp";

function temporaryName(file: string): string {
  return `.${file}${temporarySuffix}`;
}
