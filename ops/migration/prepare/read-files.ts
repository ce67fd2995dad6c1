/** The first step of `prepare`: every file is read to its end, parsed, inspected and fingerprinted. */

import { createHash } from "node:crypto";
import { stat } from "node:fs/promises";
import { sourceChanged } from "../../backup/source-changed.ts";
import type { Reporter } from "../../cli/reporter.ts";
import { OpsError } from "../../errors.ts";
import { describeChange } from "../fingerprint.ts";
import type { Fingerprint } from "../fingerprint.ts";
import type { Source } from "../sources.ts";
import { Inspector } from "./inspector.ts";
import type { ExpectedLoad } from "./inspector.ts";
import type { FindingGroup } from "./finding.ts";
import { readDocuments } from "./read-documents.ts";

export interface PreparedFile {
  file: string;
  collection: string;
  fingerprint: Fingerprint;
  expected: ExpectedLoad;
}

export interface ReadResult {
  files: PreparedFile[];
  findings: FindingGroup[];
}

/**
 * Reads all files, in loading order.
 *
 * @throws OpsError `broken-json` that names every broken file with line and column, `source-changed` for a file that was
 *   written meanwhile, `interrupted`
 */
export async function readFiles(
  sources: readonly Source[],
  reporter: Reporter,
  signal: AbortSignal,
): Promise<ReadResult> {
  const inspector = new Inspector();
  const files: PreparedFile[] = [];
  const broken: OpsError[] = [];
  for (const source of sources) {
    try {
      files.push(await readFile(source, inspector, reporter, signal));
    } catch (error) {
      if (!(error instanceof OpsError) || !brokenCodes.has(error.code)) throw error;
      broken.push(error);
    }
  }
  if (broken.length > 0) throw allBroken(broken);
  return { files, findings: inspector.findings.groups() };
}

const brokenCodes = new Set(["broken-json", "element-too-large"]);

async function readFile(
  source: Source,
  inspector: Inspector,
  reporter: Reporter,
  signal: AbortSignal,
): Promise<PreparedFile> {
  const { file, path, collection } = source;
  const before = await stat(path);
  const bar = reporter.progress(file, { unit: "documents" });
  const hash = createHash("sha256");
  let size = 0;
  const onBytes = (bytes: Buffer): void => {
    hash.update(bytes);
    size += bytes.length;
  };
  const inspection = inspector.begin(collection);
  try {
    for await (const documents of readDocuments(path, { onBytes })) {
      signal.throwIfAborted();
      for (const document of documents) inspection.inspect(document);
      bar.update({ documents: inspection.expected.documents, bytes: size, totalBytes: before.size });
    }
    // A last look of the progress line at the whole file; it was empty or ended with white space.
    bar.update({ documents: inspection.expected.documents, bytes: size, totalBytes: before.size });
    bar.clear();
    const { mtimeMs } = before;
    const sha256 = hash.digest("hex");
    return {
      file,
      collection: collection.name,
      fingerprint: { file, size, mtimeMs, sha256 },
      expected: inspection.expected,
    };
  } finally {
    bar.clear();
    // Also when it seems broken: a file that is being written is not a broken one.
    await refuseChange(source, before.mtimeMs, before.size);
  }
}

/** The content itself is compared again when the file is copied into the backup set. */
async function refuseChange({ file, path }: Source, mtimeMs: number, size: number): Promise<void> {
  const now = await stat(path).catch((cause: unknown) => {
    throw new OpsError("source-changed", `${file} went away while it was read.`, {
      hint: "Stop the application, then run the same command again.",
      cause,
    });
  });
  const change = describeChange(
    { file, size, mtimeMs, sha256: "" },
    { file, size: now.size, mtimeMs: now.mtimeMs, sha256: "" },
  );
  if (change !== undefined) throw sourceChanged(file, change);
}

function allBroken(broken: readonly OpsError[]): OpsError {
  if (broken.length === 1) return broken[0]!;
  const places = broken.map(({ message }) => message.replace(/\.$/, ""));
  return new OpsError("broken-json", `${broken.length} files are broken: ${places.join("; ")}.`, {
    hint: "Correct these files, or bring back good copies; then run the same command again.",
    details: { files: broken.map(({ details, message }) => ({ ...details, message })) },
    cause: broken[0],
  });
}
