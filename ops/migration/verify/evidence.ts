/** The recorded result of a verification: what cleanup and cutover ask for. */

import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { OpsError } from "../../errors.ts";
import { appendJournal, readJournal } from "../../state/journal.ts";
import { makePrivateDirectory, stateDirectory } from "../../state/state-directory.ts";
import { replaceFile } from "../../state/write-file.ts";

/** Evidence older than this says nothing about now. */
export const evidenceMaxAgeMs = 24 * 60 * 60 * 1000;

const evidenceSchema = z.object({
  /** ISO 8601, UTC: when the database was looked at. */
  at: z.string(),
  ok: z.boolean(),
  /** Which database: system identifier and name. */
  database: z.string(),
  schemaHead: z.string(),
  /** SHA-256 of each compared file. */
  files: z.record(z.string(), z.string()),
  collections: z.array(
    z.object({
      collection: z.string(),
      fileRecords: z.number(),
      databaseRecords: z.number(),
      missing: z.number(),
      extra: z.number(),
      different: z.number(),
      moved: z.number(),
      contradictions: z.number(),
    }),
  ),
  checks: z.array(z.object({ name: z.string(), ok: z.boolean(), checked: z.boolean(), found: z.string() })),
});

export type Evidence = z.infer<typeof evidenceSchema>;

const verifyEvent = "migrate verify";
const journalFacts = z.object({ evidence: z.string(), sha256: z.string(), ok: z.boolean() });

/** Writes the evidence file and its hash into the journal. */
export async function recordEvidence(dataDirectory: string, evidence: Evidence): Promise<string> {
  const state = stateDirectory(dataDirectory);
  await makePrivateDirectory(state.root);
  await makePrivateDirectory(state.evidence);
  const name = `verify-${evidence.at.replaceAll(/[:.]/g, "-")}.json`;
  const content = `${JSON.stringify(evidence, null, 2)}\n`;
  const path = join(state.evidence, name);
  await replaceFile(path, content);
  await appendJournal(state, verifyEvent, { evidence: name, sha256: sha256(content), ok: evidence.ok });
  return path;
}

/**
 * The newest evidence, when it is good for deciding something now.
 *
 * @param files SHA-256 of each source file as it is now
 * @param now milliseconds since 1970
 * @throws OpsError `no-evidence` or `stale-evidence`, saying why it does not count
 */
export async function requireFreshEvidence(
  dataDirectory: string,
  files: ReadonlyMap<string, string>,
  now = Date.now(),
): Promise<Evidence> {
  const evidence = await readNewestEvidence(dataDirectory);
  if (!evidence.ok) throw stale("the newest verification found differences");
  const age = now - Date.parse(evidence.at);
  if (!(age >= 0 && age <= evidenceMaxAgeMs))
    throw stale(`the newest verification is of ${evidence.at}, more than 24 hours from now`);
  for (const [file, hash] of files) {
    if (evidence.files[file] !== hash) throw stale(`${file} is not the file that was verified at ${evidence.at}`);
  }
  const gone = Object.keys(evidence.files).find((file) => !files.has(file));
  if (gone !== undefined) throw stale(`${gone} was verified at ${evidence.at} and is not there any more`);
  return evidence;
}

async function readNewestEvidence(dataDirectory: string): Promise<Evidence> {
  const state = stateDirectory(dataDirectory);
  const entry = (await readJournal(state)).findLast(({ event }) => event === verifyEvent);
  if (entry === undefined) throw new OpsError("no-evidence", "Nothing has been verified yet.", { hint: verifyHint });
  const facts = journalFacts.parse(entry.facts);
  const content = await readFile(join(state.evidence, facts.evidence), "utf8").catch(() => {
    throw stale(`the evidence file ${facts.evidence} is missing`);
  });
  if (sha256(content) !== facts.sha256)
    throw stale(`the evidence file ${facts.evidence} was changed after it was written`);
  return evidenceSchema.parse(JSON.parse(content));
}

const verifyHint = "Verify first: npx zx ops/migrate.mjs verify";

function stale(reason: string): OpsError {
  return new OpsError("stale-evidence", `The evidence does not count: ${reason}.`, { hint: verifyHint });
}

function sha256(content: string): string {
  return createHash("sha256").update(content).digest("hex");
}
