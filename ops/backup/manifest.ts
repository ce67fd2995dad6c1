/** The manifest of a backup set: what the set holds, and how to tell that it still does. */

import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { OpsError } from "../errors.ts";
import { isFileError } from "../platform/file-errors.ts";

export const manifestName = "manifest.json";

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const count = z.int().nonnegative();

const fileSchema = z.strictObject({
  /** Name of the source file; the set holds it as `<name>.gz`. */
  name: z.string().regex(/^[^./\\\0][^/\\\0]*\.json$/),
  collection: z.string(),
  /** Elements of the array. */
  documents: count,
  bytes: count,
  sha256,
  gzip: z.strictObject({ bytes: count, sha256 }),
});

const manifestSchema = z.strictObject({
  formatVersion: z.literal(1),
  /** ISO 8601, UTC. */
  createdAt: z.iso.datetime(),
  source: z.literal("files"),
  toolVersion: z.string(),
  reason: z.enum(["prepare", "cleanup"]),
  /** Head of the schema that the database had, where it was known. */
  schemaHead: z.string().optional(),
  files: z.array(fileSchema),
  /** SHA-256 of the manifest without this field: counts and names are covered by no other hash. */
  checksum: sha256,
});

export type BackupManifest = z.infer<typeof manifestSchema>;
export type BackupFile = z.infer<typeof fileSchema>;
export type BackupReason = BackupManifest["reason"];

/** A directory that holds a whole backup set, by what its manifest says. */
export interface BackupSet {
  /** Name of the directory. */
  name: string;
  path: string;
  manifest: BackupManifest;
}

/** The file in a set that holds a source file. */
export function archiveName({ name }: Pick<BackupFile, "name">): string {
  return `${name}.gz`;
}

/** The manifest as the text of its file. */
export function sealManifest(manifest: Omit<BackupManifest, "checksum">): string {
  return `${JSON.stringify({ ...manifest, checksum: checksumOf(manifest) }, null, 2)}\n`;
}

/**
 * Reads and checks the manifest of a set.
 *
 * @throws OpsError `backup-damaged` when it is missing, is no manifest, or was edited
 */
export async function readManifest(setPath: string): Promise<BackupManifest> {
  const text = await readFile(join(setPath, manifestName), "utf8").catch((error: unknown) => {
    if (isFileError(error, "ENOENT", "ENOTDIR")) throw damaged(setPath, manifestName, "is missing");
    throw error;
  });
  const parsed = manifestSchema.safeParse(parseOrUndefined(text));
  if (!parsed.success)
    throw damaged(setPath, manifestName, `is no manifest of this tool (${firstIssue(parsed.error)})`);
  const { checksum, ...rest } = parsed.data;
  if (checksumOf(rest) !== checksum) throw damaged(setPath, manifestName, "was edited: its checksum does not fit");
  return parsed.data;
}

/** The error for a set that is not what it was when it was made. */
export function damaged(setPath: string, file: string, problem: string): OpsError {
  return new OpsError("backup-damaged", `The backup set ${setPath} is damaged: ${file} ${problem}.`, {
    hint: "Do not rely on this set. Look for another one beside it, or make a new one: npx zx ops/migrate.mjs prepare",
    details: { set: setPath, file, problem },
  });
}

/** A fixed list of values, so that the spelling and the order of the fields in the file do not matter. */
function checksumOf(manifest: Omit<BackupManifest, "checksum">): string {
  const { formatVersion, createdAt, source, toolVersion, reason, schemaHead, files } = manifest;
  const list = files.map(({ name, collection, documents, bytes, sha256: plain, gzip }) => {
    return [name, collection, documents, bytes, plain, gzip.bytes, gzip.sha256];
  });
  const facts = [formatVersion, createdAt, source, toolVersion, reason, schemaHead ?? null, list];
  return createHash("sha256").update(JSON.stringify(facts)).digest("hex");
}

function parseOrUndefined(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function firstIssue(error: z.ZodError): string {
  const issue = error.issues[0];
  return issue === undefined ? "invalid" : `${issue.path.join(".") || "content"}: ${issue.message}`;
}
