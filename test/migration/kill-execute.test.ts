import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { readProgress } from "../../ops/migration/load/load-progress.ts";
import { withFileLock } from "../../ops/platform/file-lock.ts";
import { withClient } from "../../ops/postgres/connection.ts";
import { readJournal } from "../../ops/state/journal.ts";
import { stateDirectory } from "../../ops/state/state-directory.ts";
import { runScript } from "../support/child-process.ts";
import { putObstacle } from "./support/blocked.ts";
import { findFileDifference, findProgressDifference, readConstraints } from "./support/compare-stores.ts";
import { writeDamagedData } from "./support/damaged-data.ts";
import { makeDatabase, makeEmptyDatabase } from "./support/own-database.ts";
import { StoppableRun } from "./support/stoppable-run.ts";
import type { RunOptions } from "./support/stoppable-run.ts";
import { makeTempDirectory } from "./support/temp-directory.ts";

/** Where to kill a run: at a point that it reaches, or in a statement behind that point that an obstacle makes it wait in. */
interface Place {
  at: string;
  /** Statements that take the locks, and a part of the statement that then waits. */
  obstacle?: string[];
  blockedIn?: string;
}

const progressOf = (collection: string) =>
  `select from ops.load_progress where collection = '${collection}' for update`;

/** In the order of a run, because each kill is followed by a run that goes on to the next place. */
const places: Place[] = [
  { at: "begin checkSources" },
  { at: "end checkSources" },
  { at: "begin prepareSchema" },
  {
    at: "begin prepareSchema",
    obstacle: ["select pg_advisory_lock(hashtextextended('lightningtalk-db:schema', 0))"],
    blockedIn: "pg_advisory_lock",
  },
  {
    at: "begin prepareSchema",
    obstacle: ["lock table pg_catalog.pg_namespace in share row exclusive mode"],
    blockedIn: "",
  },
  {
    at: "begin prepareSchema",
    obstacle: ["lock table pg_catalog.pg_trigger in share row exclusive mode"],
    blockedIn: "collections as typed tables",
  },
  {
    at: "begin prepareSchema",
    obstacle: ["lock table pg_catalog.pg_proc in share row exclusive mode"],
    blockedIn: "keeps a document whole",
  },
  { at: "end prepareSchema" },
  {
    at: "end prepareSchema",
    obstacle: ["lock table ops.load_progress in row exclusive mode"],
    blockedIn: "lock table ops.load_progress",
  },
  { at: "begin migrateEvents" },
  {
    at: "begin migrateEvents",
    obstacle: ["lock table lightningtalk.events in access share mode"],
    blockedIn: "lock table lightningtalk.events",
  },
  { at: "batch events 1" },
  { at: "end migrateEvents" },
  { at: "begin migrateParticipants" },
  {
    at: "begin migrateParticipants",
    obstacle: ["lock table lightningtalk.participants in access share mode"],
    blockedIn: "lock table lightningtalk.participants",
  },
  {
    at: "begin migrateParticipants",
    obstacle: ["lock table lightningtalk.events in access exclusive mode"],
    blockedIn: "update pg_temp.stage",
  },
  {
    at: "begin migrateParticipants",
    obstacle: ["lock table ops.quarantine in share mode"],
    blockedIn: "insert into ops.quarantine",
  },
  { at: "batch participants 1" },
  {
    at: "batch participants 1",
    obstacle: ["insert into lightningtalk.participants (id, position) values ('person-400', -1)"],
    blockedIn: "copy lightningtalk.participants",
  },
  { at: "batch participants 1", obstacle: [progressOf("participants")], blockedIn: "update ops.load_progress" },
  { at: "batch participants 3" },
  {
    at: "begin migrateParticipants",
    obstacle: ["lock table lightningtalk.events in row exclusive mode"],
    blockedIn: "add constraint",
  },
  {
    at: "batch participants 1",
    obstacle: ["select from lightningtalk.participants where id = 'orphan-2' for update"],
    blockedIn: "update lightningtalk.participants",
  },
  {
    at: "batch participants 1",
    obstacle: ["select from lightningtalk.participants where id = 'twice-2' for update"],
    blockedIn: "duplicate_of = f.id",
  },
  {
    at: "batch participants 1",
    obstacle: ["select from ops.suspended_constraints for update"],
    blockedIn: "delete from ops.suspended_constraints",
  },
  { at: "batch participants 1", obstacle: [progressOf("participants")], blockedIn: "update ops.load_progress" },
  { at: "end migrateParticipants" },
  {
    at: "begin migrateTalks",
    obstacle: ["lock table lightningtalk.talks in access share mode"],
    blockedIn: "lock table lightningtalk.talks",
  },
  { at: "batch talks 2" },
  {
    at: "batch talks 1",
    obstacle: ["lock table lightningtalk.participants in row exclusive mode"],
    blockedIn: "add constraint",
  },
  {
    at: "begin migrateSettings",
    obstacle: ["lock table lightningtalk.settings in share mode"],
    blockedIn: "copy lightningtalk.settings",
  },
  { at: "batch settings 1" },
  { at: "batch analytics 2" },
  {
    at: "batch analytics 1",
    obstacle: ["select from ops.suspended_constraints for update"],
    blockedIn: "delete from ops.suspended_constraints",
  },
  { at: "batch users 1" },
  { at: "begin migrateDocuments (voting_sessions)" },
  {
    at: "begin validateIntegrity",
    obstacle: ["lock table lightningtalk.talks in access exclusive mode"],
    blockedIn: "select count(*)",
  },
  {
    at: "begin validateIntegrity",
    obstacle: ["lock table lightningtalk.analytics in share update exclusive mode"],
    blockedIn: "analyze",
  },
  { at: "end validateIntegrity" },
  { at: "done" },
];

async function killAt(options: RunOptions, place: Place): Promise<void> {
  const run = await new StoppableRun(options, [place.at]).reach(place.at);
  if (place.obstacle === undefined) return await run.kill();
  const obstacle = await putObstacle(options.url, ...place.obstacle);
  try {
    run.goOn();
    await obstacle.untilBlocked(place.blockedIn!);
  } finally {
    await run.kill();
    await obstacle.release();
  }
}

async function killsWhileConstraintsAreSuspendedAndNothingIsLoaded(options: RunOptions): Promise<void> {
  const run = await new StoppableRun(options, ["begin migrateParticipants"]).reach("begin migrateParticipants");
  const state = await withClient(options.url, {}, async (client) => {
    run.goOn();
    for (;;) {
      const { rows } = await client.query<{ suspended: number }>(
        "select count(*)::int as suspended from ops.suspended_constraints",
      );
      if (rows[0]!.suspended > 0) break;
    }
    await run.kill();
    return (await readProgress(client)).get("participants");
  });
  expect(state).toMatchObject({ elements: 0, complete: false });
}

test(
  "a run that is killed anywhere is finished by the same command, with every value in its place",
  { timeout: 300_000 },
  async () => {
    const url = await makeEmptyDatabase();
    const dataDirectory = join(await makeTempDirectory(), "data");
    const { quarantined, orphans, duplicates } = await writeDamagedData(dataDirectory, 1500);
    const options = { url, dataDirectory, acceptQuarantined: quarantined };
    let kills = 0;
    let recoveries = 0;

    for (const place of places) {
      await killAt(options, place);
      kills += 1;
      // A run that got to this place went on from where the one before was killed.
      if (kills > 1) recoveries += 1;
      expect({ place, difference: await findProgressDifference(url, dataDirectory) }).toEqual({
        place,
        difference: undefined,
      });
      if (place.at === "end migrateEvents") {
        await killsWhileConstraintsAreSuspendedAndNothingIsLoaded(options);
        kills += 1;
        recoveries += 1;
      }
    }
    await killWhileTheJournalIsLocked(options);
    kills += 1;
    recoveries += 1;
    await killAtOnce(options);
    kills += 1;

    expect(await new StoppableRun(options).end()).toEqual({ code: 0, errors: "" });
    recoveries += 2;
    const loaded = await withClient(url, {}, readProgress);
    const sum = (count: "quarantined" | "orphans" | "duplicates") =>
      [...loaded.values()].reduce((total, progress) => total + progress[count], 0);
    expect({ quarantined: sum("quarantined"), orphans: sum("orphans"), duplicates: sum("duplicates") }).toEqual({
      quarantined,
      orphans,
      duplicates,
    });
    await expectSameFiles(url, dataDirectory);
    expect(await readConstraints(url)).toEqual(await readConstraints(await makeDatabase()));
    expect((await readJournal(stateDirectory(dataDirectory))).length).toBeGreaterThan(0);
    process.stdout.write(`${kills} kills, ${recoveries} recoveries\n`);
    expect(kills).toBeGreaterThanOrEqual(30);
    expect(recoveries).toBe(kills);
  },
);

async function killWhileTheJournalIsLocked(options: RunOptions): Promise<void> {
  const { journal } = stateDirectory(options.dataDirectory);
  await withFileLock(`${journal}.lock`, async () => {
    const run = await new StoppableRun(options).reach("end validateIntegrity");
    await sleep(100);
    expect(run.points).not.toContain("done");
    await run.kill();
  });
}

async function killAtOnce(options: RunOptions): Promise<void> {
  await new StoppableRun(options).kill();
}

async function expectSameFiles(url: string, dataDirectory: string): Promise<void> {
  const to = join(await makeTempDirectory(), "exported");
  const exported = await runScript("export.mjs", ["--to", to], { DATABASE_URL: url });
  expect(exported).toMatchObject({ code: 0 });
  expect(await findFileDifference(dataDirectory, to)).toBeUndefined();
}
