/** Finds what a run has to do for each collection, from the files and the progress rows. */

import type { Client } from "pg";
import type { Reporter } from "../../cli/reporter.ts";
import { OpsError } from "../../errors.ts";
import type { Fingerprint } from "../fingerprint.ts";
import type { Source } from "../sources.ts";
import { emptyProgress, readSettledProgress } from "./load-progress.ts";
import type { LoadProgress } from "./load-progress.ts";
import { replaceLoaded, withReferrers } from "./replace-loaded.ts";

export interface LoadTask {
  source: Source;
  fingerprint: Fingerprint;
  /** Where to go on. */
  progress: LoadProgress;
}

export interface PlanLoadOptions {
  /** Load files anew that changed since they were loaded. */
  replace: boolean;
  /** Asks before loaded rows are removed; absent: the caller has asked. */
  confirm?: (question: string, expected: string) => Promise<void>;
  reporter: Reporter;
}

/**
 * Where each collection goes on; a file that is another one than the loaded one needs `replace`.
 *
 * @throws OpsError `source-changed-since-load`, `source-missing`, `not-only-loaded`, or what `confirm` throws
 */
export async function planLoad(
  client: Client,
  sources: Source[],
  fingerprints: Fingerprint[],
  options: PlanLoadOptions,
): Promise<LoadTask[]> {
  const recorded = await readSettledProgress(client);
  refuseMissing(sources, recorded);
  const changed = sources.filter(({ collection }, i) => {
    const progress = recorded.get(collection.name);
    return progress !== undefined && progress.source.sha256 !== fingerprints[i]!.sha256;
  });
  if (changed.length > 0) {
    if (!options.replace) throw changedSinceLoad(changed);
    for (const name of await replaceChanged(client, changed, options)) recorded.delete(name);
  }
  return sources.map((source, i) => {
    const fingerprint = fingerprints[i]!;
    return {
      source,
      fingerprint,
      progress: recorded.get(source.collection.name) ?? emptyProgress(source.collection.name, fingerprint),
    };
  });
}

/** @returns the names of the collections that are empty now */
async function replaceChanged(
  client: Client,
  changed: Source[],
  { confirm, reporter }: PlanLoadOptions,
): Promise<string[]> {
  const affected = withReferrers(changed.map(({ collection }) => collection));
  const names = affected.map(({ name }) => name);
  await confirm?.(
    `The loaded rows of ${names.join(", ")} will be removed and loaded anew from the files. Type replace to go on.`,
    "replace",
  );
  await replaceLoaded(client, affected);
  reporter.note(`replaced  ${names.join(", ")}: loaded anew, because the files have changed`);
  return names;
}

/** A collection that was left half way has its constraints suspended; without its file nobody would build them again. */
function refuseMissing(sources: Source[], recorded: ReadonlyMap<string, LoadProgress>): void {
  const present = new Set(sources.map(({ collection }) => collection.name));
  const missing = [...recorded.values()].filter(({ collection, complete }) => !complete && !present.has(collection));
  if (missing.length === 0) return;
  const files = missing.map(({ source }) => source.file).join(", ");
  throw new OpsError("source-missing", `${files}: a run that was stopped had begun to load it, and the file is gone.`, {
    hint: "Bring the file back into the data directory (a backup set has it), then run the same command again.",
    details: { files: missing.map(({ source }) => source.file) },
  });
}

function changedSinceLoad(changed: Source[]): OpsError {
  const files = changed.map(({ file }) => file).join(", ");
  return new OpsError("source-changed-since-load", `${files}: another version of the file was loaded before.`, {
    hint: "To remove the loaded rows and load the files as they are now: npx zx ops/migrate.mjs execute --replace",
    details: { files: changed.map(({ file }) => file) },
  });
}
