/** Compares the file store with the postgres store, record by record and in both directions, and records the evidence. */

import { stat } from "node:fs/promises";
import type { Client } from "pg";
import type { Reporter } from "../../cli/reporter.ts";
import { readDatabaseIdentity } from "../../postgres/database-identity.ts";
import { beginSnapshot } from "../../postgres/snapshot.ts";
import { describeSchema } from "../../postgres/schema.ts";
import { describeChange } from "../fingerprint.ts";
import type { Fingerprint } from "../fingerprint.ts";
import { sourceChanged } from "../load/source-changed.ts";
import { withLoadedDatabase } from "../loaded-database.ts";
import { findSources } from "../sources.ts";
import type { Source } from "../sources.ts";
import { listStoredCollections } from "../stored-collections.ts";
import { compareStores } from "./compare-stores.ts";
import type { ComparedCollection, ComparedSource } from "./compare-stores.ts";
import { checkDatabase, checkPrivileges } from "./database-checks.ts";
import type { CheckResult } from "./database-checks.ts";
import type { Difference } from "./describe-differences.ts";
import { recordEvidence } from "./evidence.ts";
import type { Evidence } from "./evidence.ts";

export interface VerifyOptions {
  url: string;
  dataDirectory: string;
  reporter: Reporter;
  signal: AbortSignal;
  /** Differences of each class and collection that are described in full. */
  maximumSamples: number;
  /** Compares as always, and records no evidence. */
  dryRun?: boolean;
}

export interface VerifyResult {
  ok: boolean;
  evidence: Evidence;
  /** Undefined in a dry run. */
  evidencePath: string | undefined;
  differences: Difference[];
}

/**
 * Verifies every collection that the directory or the database has.
 *
 * @throws OpsError `source-changed` when a file is written meanwhile, `broken-json`, `interrupted`, or the database's
 */
export async function verifyStores(options: VerifyOptions): Promise<VerifyResult> {
  const { url, dataDirectory, reporter } = options;
  const { sources } = await findSources(dataDirectory);
  return await withLoadedDatabase(url, "migrate verify", async (client) => {
    const at = new Date().toISOString();
    const written = await Promise.all(sources.map(({ path }) => stat(path)));
    const snapshot = await beginSnapshot(client);
    const compared = await listCompared(client, sources);
    // The checks use the time in which the threads of the comparison get under way; their failure is thrown further down.
    const checking = runChecks(client, url);
    checking.catch(() => undefined);
    const results = await compareStores(compared, { ...options, client, snapshot });
    const files = sources.map(({ file }, i) => readFingerprint(file, written[i]!, results[i]!));
    const checks = await reporter.step("validateIntegrity", async (note) => {
      const [, found] = await Promise.all([refuseChanges(sources, files), checking]);
      note(describeChecks(found));
      return found;
    });
    const evidence = await makeEvidence(client, at, files, results, checks);
    const evidencePath = options.dryRun === true ? undefined : await recordEvidence(dataDirectory, evidence);
    return { ok: evidence.ok, evidence, evidencePath, differences: results.flatMap(({ differences }) => differences) };
  });
}

/** Collections of the files, in their order, and then, so that nothing extra stays unseen, of the database. */
async function listCompared(client: Client, sources: Source[]): Promise<ComparedSource[]> {
  const stored = await listStoredCollections(client);
  const extra = stored.filter(({ name }) => sources.every(({ collection }) => collection.name !== name));
  return [...sources, ...extra.map((collection) => ({ collection, path: undefined }))];
}

/** The state of a file whose bytes were compared, as it was when the comparison began. */
function readFingerprint(
  file: string,
  { size, mtimeMs }: { size: number; mtimeMs: number },
  { sha256 }: ComparedCollection,
): Fingerprint {
  return { file, size, mtimeMs, sha256: sha256! };
}

async function runChecks(client: Client, url: string): Promise<CheckResult[]> {
  return [...(await checkDatabase(client)), await checkPrivileges(url)];
}

/**
 * A file that was written meanwhile fails the verification. Its content need not be read again: the evidence is bound to
 * the hash of the bytes that were compared, and whoever asks for evidence compares that with the file as it is then.
 */
async function refuseChanges(sources: Source[], before: Fingerprint[]): Promise<void> {
  for (const [i, { file, path }] of sources.entries()) {
    const now = await stat(path);
    const change = describeChange(before[i]!, { ...before[i]!, size: now.size, mtimeMs: now.mtimeMs });
    if (change !== undefined) throw sourceChanged(file, change);
  }
}

async function makeEvidence(
  client: Client,
  at: string,
  files: Fingerprint[],
  results: ComparedCollection[],
  checks: CheckResult[],
): Promise<Evidence> {
  const { head } = await describeSchema(client);
  const collections = results.map(({ collection, comparison, contradictions }) => ({
    collection: collection.name,
    fileRecords: comparison.fileRecords,
    databaseRecords: comparison.databaseRecords,
    ...comparison.counts,
    contradictions,
  }));
  const equal = collections.every(
    ({ missing, extra, different, moved, contradictions: wrong }) => missing + extra + different + moved + wrong === 0,
  );
  const ok = equal && checks.every((check) => check.ok);
  return {
    at,
    ok,
    database: await readDatabaseIdentity(client),
    schemaHead: head,
    files: Object.fromEntries(files.map(({ file, sha256 }) => [file, sha256])),
    collections,
    checks,
  };
}

function describeChecks(checks: CheckResult[]): string {
  const failed = checks.filter(({ ok }) => !ok).map(({ name }) => name);
  const left = checks.filter(({ checked }) => !checked).map(({ name }) => name);
  const holding = checks.length - failed.length - left.length;
  const parts = [`${holding} checks hold`, ...(failed.length === 0 ? [] : [`failed: ${failed.join(", ")}`])];
  return [...parts, ...(left.length === 0 ? [] : [`not made: ${left.join(", ")}`])].join("; ");
}
