/** What the migration's commands print when they are done. */

import type { CommandResult } from "../cli/definition.ts";
import { formatTable } from "../cli/table.ts";
import process from "node:process";
import type { CleanupResult } from "./cleanup.ts";
import type { ExecuteResult } from "./load/validate-load.ts";
import { describePrepare } from "./prepare/describe-prepare.ts";
import type { PrepareResult } from "./prepare/prepare.ts";
import type { PlannedStep } from "./plan-execute.ts";
import type { MigrationStatus } from "./read-status.ts";
import type { LoadProgress } from "./load/load-progress.ts";
import type { Difference } from "./verify/describe-differences.ts";
import type { VerifyResult } from "./verify/verify-stores.ts";

export function reportPrepare(result: PrepareResult): CommandResult {
  return { ok: true, summary: describePrepare(result), data: { ...result, peakMemoryBytes: peakMemoryBytes() } };
}

export function reportPlan(steps: PlannedStep[]): CommandResult {
  return { ok: true, summary: steps.map(({ title, action }) => `would ${title}: ${action}`), data: { steps } };
}

export function reportExecute({ outcomes, quarantined, journal }: ExecuteResult): CommandResult {
  const table = progressTable(
    outcomes.map(({ progress }) => progress),
    outcomes.map(({ alreadyLoaded }) => (alreadyLoaded ? "loaded before" : "loaded")),
  );
  return {
    ok: true,
    summary: [...table, "", "Next: npx zx ops/migrate.mjs verify"],
    data: {
      collections: outcomes.map(({ progress, alreadyLoaded }) => ({ ...progress, alreadyLoaded })),
      quarantined,
      journal: journal.sequence,
      peakMemoryBytes: peakMemoryBytes(),
    },
  };
}

export function reportVerify({ ok, evidence, evidencePath, differences }: VerifyResult): CommandResult {
  const rows = evidence.collections.map((found) => [
    found.collection,
    found.fileRecords,
    found.databaseRecords,
    found.missing,
    found.extra,
    found.different + found.contradictions,
    found.moved,
  ]);
  const failed = evidence.checks.filter((check) => !check.ok).map(({ name, found }) => `failed  ${name}: ${found}`);
  const left = evidence.checks
    .filter(({ checked }) => !checked)
    .map(({ name, found }) => `not checked  ${name}: ${found}`);
  const verdict = ok ? "Equal: every record of both stores was compared." : "NOT equal. Nothing was changed.";
  return {
    ok,
    summary: [
      ...formatTable(["collection", "file", "PostgreSQL", "missing", "extra", "different", "moved"], rows),
      "",
      ...differences.flatMap(describeDifference),
      ...failed,
      ...left,
      verdict,
      evidencePath === undefined ? "No evidence was recorded: this was a dry run." : `Evidence: ${evidencePath}`,
    ],
    data: {
      evidence: evidencePath,
      collections: evidence.collections,
      checks: evidence.checks,
      differences,
      peakMemoryBytes: peakMemoryBytes(),
    },
  };
}

export function reportStatus({ collections, quarantine, quarantined, events }: MigrationStatus): CommandResult {
  const states = collections.map(({ complete, elements }) =>
    complete ? "complete" : `stopped behind element ${elements}`,
  );
  const kept = quarantine.map(
    ({ collection, position, reason }) => `quarantined  ${collection} /${position}: ${reason}`,
  );
  const more =
    quarantined > quarantine.length ? [`... and ${quarantined - quarantine.length} more in ops.quarantine`] : [];
  return {
    ok: true,
    summary: [
      ...progressTable(collections, states),
      "",
      ...kept,
      ...more,
      ...events.map(({ event, at, sequence }) => `last ${event}: ${at} (journal ${sequence})`),
    ],
    data: { collections, quarantine, quarantined, events },
  };
}

export function reportCleanup(result: CleanupResult): CommandResult {
  const { alreadyDone, dryRun, files, archive, impossible } = result;
  const verb = dryRun ? "would archive and remove" : "archived and removed";
  const done = alreadyDone
    ? ["Already done: no file is left to archive."]
    : files.map(({ file, bytes }) => `${verb}  ${file}, ${bytes} bytes`);
  const place = archive === undefined ? [] : [`Archive: ${archive}`];
  return { ok: true, summary: [...done, ...place, ...(alreadyDone ? [] : impossible)], data: { ...result } };
}

/** The largest resident set that this process has had. */
function peakMemoryBytes(): number {
  return process.resourceUsage().maxRSS * 1024;
}

function progressTable(progress: LoadProgress[], states: string[]): string[] {
  const heading = ["collection", "documents", "orphans", "duplicates", "quarantined", "state"];
  return formatTable(
    heading,
    progress.map(({ collection, documents, orphans, duplicates, quarantined }, i) => [
      collection,
      documents,
      orphans,
      duplicates,
      quarantined,
      states[i]!,
    ]),
  );
}

function describeDifference(difference: Difference): string[] {
  const { class: kind, collection, id, index, position, pointer, file, database } = difference;
  const places = [index === undefined ? "" : `element ${index}`, position === undefined ? "" : `position ${position}`];
  const where = [`${collection} ${id ?? ""}`.trim(), ...places.filter((place) => place !== "")].join(", ");
  const at = pointer === undefined || pointer === "" ? "" : ` at ${pointer}`;
  return [
    `${kind}  ${where}${at}`,
    ...(file === undefined ? [] : [`    file       ${file}`]),
    ...(database === undefined ? [] : [`    PostgreSQL ${database}`]),
  ];
}
