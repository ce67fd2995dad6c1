import { execFileSync } from "node:child_process";
import { rmSync, statfsSync, writeFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { readProgress } from "../../ops/migration/load/load-progress.ts";
import { discardLocalServer } from "../../ops/platform/discard-local.ts";
import { startLocalServer } from "../../ops/platform/local.ts";
import { withClient } from "../../ops/postgres/connection.ts";
import { migrateSchema } from "../../ops/postgres/schema.ts";
import { readJournal } from "../../ops/state/journal.ts";
import { stateDirectory } from "../../ops/state/state-directory.ts";
import { canMount, mountSmallDisk } from "../backup/small-disk.ts";
import { makeTempHome } from "../support/temp-home.ts";
import { putObstacle } from "./support/blocked.ts";
import { findProgressDifference } from "./support/compare-stores.ts";
import { startProxy } from "./support/cuttable-proxy.ts";
import { writeDamagedData } from "./support/damaged-data.ts";
import { executeHere, storesAreEqual } from "./support/execute-here.ts";
import { makeDatabase } from "./support/own-database.ts";
import { StoppableRun } from "./support/stoppable-run.ts";
import { makeTempDirectory } from "./support/temp-directory.ts";

const point = "batch participants 3";
let dataDirectory: string;
let acceptQuarantined: number;

beforeEach(async () => {
  dataDirectory = join(await makeTempDirectory(), "data");
  acceptQuarantined = (await writeDamagedData(dataDirectory, 1500)).quarantined;
});

/** The same command, again: it goes on from what was committed, and both stores are equal then. */
async function expectToFinish(url: string): Promise<void> {
  expect(await findProgressDifference(url, dataDirectory)).toBeUndefined();
  const { outcomes } = await executeHere({ url, dataDirectory, acceptQuarantined });
  expect(outcomes.find(({ progress }) => progress.collection === "events")?.alreadyLoaded).toBe(true);
  expect(await storesAreEqual({ url, dataDirectory })).toBe(true);
}

test("a server that is stopped at once in the middle is reported as lost, and the same command finishes when it is back", async () => {
  const home = await makeTempHome();
  const { url, pid } = await startLocalServer(home);
  const run = await new StoppableRun({ url, dataDirectory, acceptQuarantined }, [point]).reach(point);
  process.kill(pid, "SIGQUIT");
  await sleep(500);
  run.goOn();
  expect(await run.end()).toEqual({ code: 1, errors: expect.stringMatching(/^(database-lost|lock-lost): /) });
  await expect(executeHere({ url, dataDirectory, acceptQuarantined })).rejects.toMatchObject({
    code: expect.stringMatching(/^database-(unreachable|starting)$/),
  });
  await expectToFinish((await startLocalServer(home)).url);
});

test("a session that is ended in the middle of COPY is reported as lost, and the same command finishes", async () => {
  const url = await makeDatabase();
  const run = await new StoppableRun({ url, dataDirectory, acceptQuarantined }, [point]).reach(point);
  const obstacle = await putObstacle(
    url,
    "insert into lightningtalk.participants (id, position) values ('person-1200', -1)",
  );
  run.goOn();
  await obstacle.untilBlocked("copy lightningtalk.participants");
  await terminate(url, "migrate execute");
  expect(await run.end()).toEqual({ code: 1, errors: expect.stringContaining("database-lost: ") });
  await obstacle.release();
  await expectToFinish(url);
});

test("a network that breaks in the middle is reported as lost, and the same command finishes", async () => {
  const url = await makeDatabase();
  const proxy = await startProxy(url);
  onTestFinished(() => proxy.close());
  const run = await new StoppableRun({ url: proxy.url, dataDirectory, acceptQuarantined }, [point]).reach(point);
  proxy.cut();
  run.goOn();
  const { code, errors } = await run.end();
  expect(code).toBe(1);
  expect(errors).toMatch(/^(database-lost|lock-lost): /);
  expect(errors).not.toContain(new URL(url).password);
  await expectToFinish(url);
});

test("a run that loses its lock stops and says so", async () => {
  const url = await makeDatabase();
  const run = await new StoppableRun({ url, dataDirectory, acceptQuarantined }, [point]).reach(point);
  await terminate(url, "migrate execute pid%");
  run.goOn();
  expect(await run.end()).toEqual({ code: 1, errors: expect.stringMatching(/^lock-lost: /) });
  expect(await withClient(url, {}, async (client) => (await readProgress(client)).get("participants"))).toMatchObject({
    complete: false,
  });
  await expectToFinish(url);
});

test("a run that has lost its lock without noticing cannot touch what the next one loads", async () => {
  const url = await makeDatabase();
  const first = await new StoppableRun({ url, dataDirectory, acceptQuarantined }, [point]).reach(point);
  await terminate(url, "migrate execute pid%");
  const second = await new StoppableRun({ url, dataDirectory, acceptQuarantined }, ["batch participants 5"]).reach(
    "batch participants 5",
  );
  first.goOn();
  expect(await first.end()).toEqual({ code: 1, errors: expect.stringMatching(/^(lock-lost|progress-moved): /) });
  second.goOn();
  expect(await second.end()).toEqual({ code: 0, errors: "" });
  expect(await storesAreEqual({ url, dataDirectory })).toBe(true);
});

describe.runIf(canMount)("on a small disk", () => {
  test("a disk that fills up under the database is named, and the same command finishes when space was freed", async () => {
    const home = mountSmallDisk("160m");
    onTestFinished(() => discardLocalServer(home));
    const { url } = await startLocalServer(home, {
      max_wal_size: "32MB",
      min_wal_size: "32MB",
      shared_buffers: "16MB",
    });
    await migrateSchema(url);
    // A new log segment has to be there already: the server stops altogether when it cannot make one.
    await withClient(url, {}, async (client) => client.query("select pg_switch_wal()"));
    await withClient(url, {}, async (client) => client.query("checkpoint"));
    const run = await new StoppableRun({ url, dataDirectory, acceptQuarantined }, ["begin migrateParticipants"]).reach(
      "begin migrateParticipants",
    );
    const filler = fill(home, 0);
    run.goOn();
    const { code, errors } = await run.end();
    expect({ code, errors }).toEqual({
      code: 1,
      errors: expect.stringMatching(/^database-disk-full: The disk of the database at .* is full/),
    });
    rmSync(filler);
    await expectToFinish(url);
  });

  test("a disk that fills up under the data directory before the journal is written is named, and the same command finishes", async () => {
    const disk = mountSmallDisk("8m");
    dataDirectory = join(disk, "data");
    await mkdir(dataDirectory);
    acceptQuarantined = (await writeDamagedData(dataDirectory, 200)).quarantined;
    const url = await makeDatabase();
    const run = await new StoppableRun({ url, dataDirectory, acceptQuarantined }, ["end validateIntegrity"]).reach(
      "end validateIntegrity",
    );
    const filler = fill(disk, 0);
    run.goOn();
    expect(await run.end()).toEqual({
      code: 1,
      errors: expect.stringMatching(
        /^disk-full: The rows are loaded, but the journal was not written in .*data.*: no space is left on its disk/,
      ),
    });
    rmSync(filler);
    await expectToFinish(url);
    expect(await readJournal(stateDirectory(dataDirectory))).toMatchObject([
      { event: "migrate execute" },
      { event: "migrate verify" },
    ]);
  });
});

/** Ends the sessions of an application name, a pattern of LIKE. */
async function terminate(url: string, applicationName: string): Promise<void> {
  await withClient(url, {}, async (client) => {
    const { rowCount } = await client.query(
      "select pg_terminate_backend(pid, 10000) from pg_stat_activity where datname = current_database() and application_name like $1",
      [applicationName],
    );
    expect(rowCount).toBe(1);
  });
}

/** Fills a disk up, but for `spare` bytes. */
function fill(directory: string, spare: number): string {
  const { bavail, bsize } = statfsSync(directory);
  const path = join(directory, "filler");
  writeFileSync(path, Buffer.alloc(Math.max(0, bavail * bsize - spare)));
  execFileSync("sync", ["--file-system", path]);
  return path;
}
