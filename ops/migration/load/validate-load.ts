/** The plan's last step, and the record of the run. */

import type { Client } from "pg";
import type { Reporter } from "../../cli/reporter.ts";
import { OpsError } from "../../errors.ts";
import { appendJournal } from "../../state/journal.ts";
import type { JournalEntry } from "../../state/journal.ts";
import { stateDirectory } from "../../state/state-directory.ts";
import { withWritableDirectory } from "../file-failure.ts";
import { checkLoad } from "./check-load.ts";
import { distrustProgress } from "./load-progress.ts";
import type { LoadProgress } from "./load-progress.ts";
import type { LoadTask } from "./plan-load.ts";
import { findChange, sourceChanged } from "./source-changed.ts";

export interface CollectionOutcome {
  progress: LoadProgress;
  /** The collection was complete before this run. */
  alreadyLoaded: boolean;
}

export interface ValidateOptions {
  dataDirectory: string;
  /** Documents in quarantine that the operator has looked at: any other number fails the run. */
  acceptQuarantined: number;
  reporter: Reporter;
  signal: AbortSignal;
}

export interface ExecuteResult {
  outcomes: CollectionOutcome[];
  quarantined: number;
  journal: JournalEntry;
}

/**
 * The files are still the same, the tables hold what was counted, and the number of quarantined documents is accepted.
 *
 * @throws OpsError `source-changed`, `count-mismatch`, `quarantined`, or of the journal's disk
 */
export async function validateIntegrity(
  client: Client,
  options: ValidateOptions,
  tasks: LoadTask[],
  outcomes: CollectionOutcome[],
): Promise<ExecuteResult> {
  const { reporter, acceptQuarantined } = options;
  const quarantined = outcomes.reduce((sum, { progress }) => sum + progress.quarantined, 0);
  await reporter.step("validateIntegrity", async (note) => {
    const [changed] = await Promise.all([
      findChanged(tasks),
      checkLoad(
        client,
        outcomes.map(({ progress }) => progress),
      ),
    ]);
    if (changed !== undefined) await refuseChanged(client, changed, outcomes);
    note("files unchanged, rows counted, tables analyzed");
  });
  options.signal.throwIfAborted();
  const facts = {
    collections: outcomes.map(({ progress }) => progress),
    quarantined,
    acceptedQuarantined: acceptQuarantined,
  };
  const journal = await recordRun(options.dataDirectory, facts);
  if (quarantined !== acceptQuarantined) throw quarantineError(quarantined, acceptQuarantined);
  return { outcomes, quarantined, journal };
}

interface ChangedSource {
  source: LoadTask["source"];
  change: string;
}

async function findChanged(tasks: LoadTask[]): Promise<ChangedSource | undefined> {
  for (const { source, fingerprint } of tasks) {
    const change = await findChange(source.path, fingerprint);
    if (change !== undefined) return { source, change };
  }
  return undefined;
}

/** What this run has loaded from the file may be of two versions; what an earlier run has loaded is not. */
async function refuseChanged(
  client: Client,
  { source, change }: ChangedSource,
  outcomes: CollectionOutcome[],
): Promise<never> {
  const { name } = source.collection;
  if (outcomes.some(({ progress, alreadyLoaded }) => progress.collection === name && !alreadyLoaded))
    await distrustProgress(client, name);
  throw sourceChanged(source.file, change);
}

async function recordRun(dataDirectory: string, facts: JournalEntry["facts"]): Promise<JournalEntry> {
  const state = stateDirectory(dataDirectory);
  const write = () => appendJournal(state, "migrate execute", facts);
  return await withWritableDirectory("The rows are loaded, but the journal was not written", state.root, write);
}

function quarantineError(quarantined: number, accepted: number): OpsError {
  return new OpsError("quarantined", `${quarantined} documents are quarantined, and ${accepted} are accepted.`, {
    hint: `Look at them with: npx zx ops/migrate.mjs status; accept exactly these with: --accept-quarantined ${quarantined}`,
    details: { quarantined, accepted },
  });
}
