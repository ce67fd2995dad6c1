/** Looks at everything that a load depends on, and takes a verified copy of the files. Changes neither files nor database. */

import { findPreparedSet } from "../../backup/backup-set.ts";
import { createFileBackup } from "../../backup/create-file-backup.ts";
import type { BackupSet } from "../../backup/manifest.ts";
import { verifyBackupSet } from "../../backup/verify-backup-set.ts";
import type { Reporter } from "../../cli/reporter.ts";
import type { Config } from "../../config/config.ts";
import { OpsError } from "../../errors.ts";
import { findPlace } from "../../platform/place.ts";
import { findSources } from "../sources.ts";
import type { Source } from "../sources.ts";
import { checkDatabase } from "./check-database.ts";
import type { DatabaseReport } from "./check-database.ts";
import { backupBytesPerFileByte, checkSpace, databaseBytesPerFileByte } from "./check-space.ts";
import type { SpaceCheck, SpaceNeed } from "./check-space.ts";
import type { FindingGroup } from "./finding.ts";
import { readFiles } from "./read-files.ts";
import type { PreparedFile } from "./read-files.ts";

export interface PrepareOptions {
  config: Pick<Config, "databaseUrl" | "ltHome">;
  dataDirectory: string;
  url: string;
  reporter: Reporter;
  signal: AbortSignal;
  /** Takes no backup set either. */
  dryRun: boolean;
}

export interface PrepareResult {
  files: PreparedFile[];
  /** JSON files that hold no array. */
  ignored: string[];
  findings: FindingGroup[];
  /** Documents that `execute` will quarantine in an empty database, and the flag that accepts exactly these. */
  quarantined: number;
  acceptFlag: string | undefined;
  orphans: number;
  duplicates: number;
  database: DatabaseReport;
  /** Files of which another version is loaded: `execute` will ask for `--replace`. */
  loadedOtherwise: string[];
  space: SpaceCheck[];
  /** False for a server elsewhere, whose disk cannot be seen from here. */
  databaseSpaceChecked: boolean;
  /** Undefined in a dry run that would make one. */
  backup: { set: BackupSet; reused: boolean } | undefined;
  nextCommand: string;
}

/**
 * Runs the steps readFiles, checkDatabase and backupFiles. Writes nothing but the backup set; the server itself refuses any
 * write, because all of its part happens in a READ ONLY transaction.
 *
 * @returns what was found; documents that will be quarantined are no failure yet
 * @throws OpsError `no-data`, `broken-json` with every broken file, `source-changed`, `server-too-old`, `missing-privileges`,
 *   `disk-space`, `disk-full`, `interrupted`, or the database's
 */
export async function prepareMigration(options: PrepareOptions): Promise<PrepareResult> {
  const { dataDirectory, reporter, signal } = options;
  const { sources, ignored } = await findSources(dataDirectory);
  const { files, findings } = await reporter.step("readFiles", async (note) => {
    const read = await readFiles(sources, reporter, signal);
    note(`${total(read.files, "documents").toLocaleString("en-US")} documents in ${read.files.length} files`);
    return read;
  });
  const { database, space } = await reporter.step("checkDatabase", async (note) => {
    const found = {
      database: await checkDatabase(options.url),
      space: await checkSpace(await listNeeds(options, files)),
    };
    note(`PostgreSQL ${found.database.serverVersion}, ${describeSchemaState(found.database)}`);
    return found;
  });
  for (const warning of database.warnings) reporter.warn(warning);
  const backup = await reporter.step("backupFiles", (note) => backUp(options, sources, files, database, note));
  const quarantined = total(files, "quarantined");
  const acceptFlag = quarantined === 0 ? undefined : `--accept-quarantined ${quarantined}`;
  const loadedOtherwise = findLoadedOtherwise(files, database);
  const replaceFlag = loadedOtherwise.length === 0 ? undefined : "--replace";
  return {
    files,
    ignored,
    findings,
    quarantined,
    acceptFlag,
    orphans: total(files, "orphans"),
    duplicates: total(files, "duplicates"),
    database,
    loadedOtherwise,
    space,
    databaseSpaceChecked: options.config.databaseUrl === undefined,
    backup,
    nextCommand: ["npx zx ops/migrate.mjs execute", acceptFlag, replaceFlag]
      .filter((part) => part !== undefined)
      .join(" "),
  };
}

type BackupResult = PrepareResult["backup"];

async function backUp(
  options: PrepareOptions,
  sources: readonly Source[],
  files: readonly PreparedFile[],
  database: DatabaseReport,
  note: (text: string) => void,
): Promise<BackupResult> {
  const { dataDirectory, reporter, signal, dryRun } = options;
  const fingerprints = files.map(({ fingerprint }) => fingerprint);
  const existing = await findIntactSet(options, fingerprints);
  if (existing !== undefined) {
    note(`the files are as in ${existing.name}, which was read back and is intact`);
    return { set: existing, reused: true };
  }
  if (dryRun) {
    note("would copy the files into a new backup set");
    return undefined;
  }
  const bytes = fingerprints.reduce((sum, { size }) => sum + size, 0);
  const bar = reporter.progress("backup", { total: Math.ceil((2 * bytes) / 1e6), unit: "MB" });
  try {
    const onProgress = (done: number): void => bar.update(Math.floor(done / 1e6));
    const schemaHead = database.schema?.head;
    const set = await createFileBackup({
      dataDirectory,
      sources,
      fingerprints,
      reason: "prepare",
      schemaHead,
      onProgress,
      signal,
    });
    note(`${set.name}, ${files.length} files, read back and equal`);
    return { set, reused: false };
  } finally {
    bar.clear();
  }
}

/** A set that turned out to be damaged is left for a look, and another one is made. */
async function findIntactSet(
  { dataDirectory, reporter, signal }: PrepareOptions,
  fingerprints: PreparedFile["fingerprint"][],
): Promise<BackupSet | undefined> {
  const found = await findPreparedSet(dataDirectory, fingerprints);
  if (found === undefined) return undefined;
  try {
    return await verifyBackupSet(found.path, { signal });
  } catch (error) {
    if (!(error instanceof OpsError) || error.code !== "backup-damaged") throw error;
    reporter.warn(error.message);
    return undefined;
  }
}

async function listNeeds(
  { config, dataDirectory }: PrepareOptions,
  files: readonly PreparedFile[],
): Promise<SpaceNeed[]> {
  const bytes = files.reduce((sum, { fingerprint }) => sum + fingerprint.size, 0);
  const needs = [
    { purpose: "the backup set", directory: dataDirectory, needed: Math.ceil(bytes * backupBytesPerFileByte) },
  ];
  const place = config.databaseUrl === undefined ? await findPlace(config.ltHome) : undefined;
  if (place === undefined) return needs;
  return [
    ...needs,
    { purpose: "the database", directory: place.dataDirectory, needed: Math.ceil(bytes * databaseBytesPerFileByte) },
  ];
}

function findLoadedOtherwise(files: readonly PreparedFile[], { loads }: DatabaseReport): string[] {
  const loaded = new Map(loads.map(({ collection, source }) => [collection, source.sha256]));
  return files
    .filter(({ collection, fingerprint }) => (loaded.get(collection) ?? fingerprint.sha256) !== fingerprint.sha256)
    .map(({ file }) => file);
}

function describeSchemaState({ schema, loads }: DatabaseReport): string {
  if (schema === undefined) return "no schema yet";
  const state = schema.pending.length === 0 ? "schema at head" : `${schema.pending.length} migrations pending`;
  return loads.length === 0 ? state : `${state}, ${loads.length} collections from an earlier load`;
}

function total(files: readonly PreparedFile[], count: keyof PreparedFile["expected"]): number {
  return files.reduce((sum, { expected }) => sum + expected[count], 0);
}
