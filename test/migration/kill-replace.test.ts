import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { exportDocuments } from "../../ops/migration/export-documents.ts";
import { withClient } from "../../ops/postgres/connection.ts";
import { startScript } from "../support/run-script.ts";
import { putObstacle } from "./support/blocked.ts";
import { findFileDifference } from "./support/compare-stores.ts";
import { writeDamagedData } from "./support/damaged-data.ts";
import { executeHere, storesAreEqual } from "./support/execute-here.ts";
import { makeDatabase } from "./support/own-database.ts";
import { silentReporter } from "./support/silent-reporter.ts";
import { StoppableRun } from "./support/stoppable-run.ts";
import { makeTempDirectory } from "./support/temp-directory.ts";

async function prepareStores(participants = 600) {
  const dataDirectory = join(await makeTempDirectory(), "data");
  const { quarantined } = await writeDamagedData(dataDirectory, participants);
  return { url: await makeDatabase(), dataDirectory, acceptQuarantined: quarantined };
}

describe("killed while it replaces", () => {
  const participants = (note: string, count = 1500) =>
    JSON.stringify(
      Array.from({ length: count }, (_, i) => ({
        id: `person-${i}`,
        eventId: `event-${i % 40}`,
        email: `${i % 1000}@example.org`,
        message: note,
      })),
    );

  test("a load that was stopped with its constraints suspended is replaced, killed at every step, and finished", async () => {
    const stores = await prepareStores();
    const path = join(stores.dataDirectory, "participants.json");
    await writeFile(path, participants("first"));
    const places = [
      "batch participants 3",
      "end prepareSchema",
      "begin migrateParticipants",
      "batch participants 1",
      "end migrateParticipants",
      "begin migrateTalks",
    ];
    const options = { ...stores, acceptQuarantined: 5, replace: true };
    let version = 0;
    for (const place of places) {
      await (await new StoppableRun(options, [place]).reach(place)).kill();
      await writeFile(path, participants(`version ${(version += 1)}`, 1500 + version));
    }
    const obstacle = await putObstacle(
      stores.url,
      "select from ops.load_progress where collection = 'participants' for update",
    );
    const run = new StoppableRun(options);
    await obstacle.untilBlocked("delete from ops.load_progress");
    await run.kill();
    await obstacle.release();
    const last = await executeHere({ ...options, acceptQuarantined: -1 }).catch(
      (error: unknown) => error as { details: { quarantined: number } },
    );
    const { quarantined } = "details" in last ? last.details : last;
    await executeHere({ ...options, replace: false, acceptQuarantined: quarantined });
    expect(await storesAreEqual(stores)).toBe(true);
    await exportAndCompare(stores.url, stores.dataDirectory);
  });

  async function exportAndCompare(url: string, dataDirectory: string): Promise<void> {
    const directory = join(await makeTempDirectory(), "to");
    const options = {
      url,
      directory,
      overwrite: false,
      reporter: silentReporter,
      signal: new AbortController().signal,
    };
    await withClient(url, { role: "lt_admin" }, (client) => exportDocuments({ ...options, client }));
    expect(await findFileDifference(dataDirectory, directory)).toBeUndefined();
  }
});

test(
  "a script that is killed at random moments, again and again, ends with equal stores",
  { timeout: 300_000 },
  async () => {
    const stores = await prepareStores(30_000);
    const args = [
      "ops/migrate.mjs",
      "execute",
      "--data",
      stores.dataDirectory,
      "--accept-quarantined",
      String(stores.acceptQuarantined),
    ];
    const env = { DATABASE_URL: stores.url };
    const seed = Date.now() % 1_000_000;
    let kills = 0;
    for (let i = 0; i < 8; i += 1) {
      const script = startScript(process.execPath, args, { env });
      // Between the start of the process and about the end of the load; what is not reached in one run is in the next.
      await sleep(200 + ((seed * (i + 1) * 7919) % 700));
      if (script.child.kill("SIGKILL")) kills += 1;
      await script.result;
    }
    const last = await startScript(process.execPath, args, { env }).result;
    process.stdout.write(`${kills} kills of the script at random moments, seed ${seed}\n`);
    expect({ seed, exitCode: last.exitCode, stderr: last.stderr }).toMatchObject({ seed, exitCode: 0 });
    expect(await storesAreEqual(stores)).toBe(true);
  },
);
