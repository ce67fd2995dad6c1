import { readFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { evidenceMaxAgeMs, requireFreshEvidence } from "../../ops/migration/verify/evidence.ts";
import { withClient } from "../../ops/postgres/connection.ts";
import { readJournal } from "../../ops/state/journal.ts";
import { stateDirectory } from "../../ops/state/state-directory.ts";
import { findOlderBinaries, startOlderCluster, startOwnCluster } from "../sql/own-cluster.ts";
import { runScript } from "../support/child-process.ts";
import { startScript } from "../support/run-script.ts";
import { putObstacle } from "./support/blocked.ts";
import { findFileDifference } from "./support/compare-stores.ts";
import { writeDamagedData } from "./support/damaged-data.ts";
import { executeHere, storesAreEqual } from "./support/execute-here.ts";
import { makeDatabase } from "./support/own-database.ts";
import { rowVersions } from "./support/row-versions.ts";
import { StoppableRun } from "./support/stoppable-run.ts";
import { makeTempDirectory } from "./support/temp-directory.ts";

async function prepareStores(participants = 600) {
  const dataDirectory = join(await makeTempDirectory(), "data");
  const { quarantined } = await writeDamagedData(dataDirectory, participants);
  return { url: await makeDatabase(), dataDirectory, acceptQuarantined: quarantined };
}

test("a second run says what is loaded already and changes no row", async () => {
  const stores = await prepareStores();
  const first = await executeHere(stores);
  const before = await rowVersions(stores.url);
  const second = await executeHere(stores);
  expect(second.outcomes.map(({ progress, alreadyLoaded }) => ({ progress, alreadyLoaded }))).toEqual(
    first.outcomes.map(({ progress }) => ({ progress, alreadyLoaded: true })),
  );
  expect(await rowVersions(stores.url)).toEqual(before);
});

test("documents in quarantine fail every run that does not accept their exact number", async () => {
  const { acceptQuarantined, ...stores } = await prepareStores();
  for (const accepted of [0, acceptQuarantined - 1, acceptQuarantined + 1]) {
    await expect(executeHere({ ...stores, acceptQuarantined: accepted })).rejects.toMatchObject({
      code: "quarantined",
      message: `${acceptQuarantined} documents are quarantined, and ${accepted} are accepted.`,
      hint: expect.stringContaining(`--accept-quarantined ${acceptQuarantined}`),
    });
  }
  expect(await executeHere({ ...stores, acceptQuarantined })).toMatchObject({ quarantined: acceptQuarantined });
});

test("a second operator is refused and told who is at work, and gets the lock once the first is killed", async () => {
  const stores = await prepareStores();
  const first = await new StoppableRun(stores, ["batch participants 2"]).reach("batch participants 2");
  const refused = await runScript("migrate.mjs", ["execute", "--data", stores.dataDirectory, "--json"], {
    DATABASE_URL: stores.url,
  });
  expect(refused.code).toBe(1);
  expect(JSON.parse(refused.stdout)).toMatchObject({
    ok: false,
    error: {
      code: "already-running",
      message: expect.stringContaining(`migrate execute pid ${first.pid} on ${hostname().slice(0, 20)}`),
    },
  });
  await first.kill();
  expect(await executeHere(stores)).toMatchObject({ quarantined: stores.acceptQuarantined });
  expect(await storesAreEqual(stores)).toBe(true);
});

test.for(["SIGINT", "SIGTERM"] as const)(
  "%s stops between two batches with everything committed, and the same command finishes",
  async (signal) => {
    const stores = await prepareStores(30_000);
    const args = ["execute", "--data", stores.dataDirectory, "--accept-quarantined", String(stores.acceptQuarantined)];
    const env = { DATABASE_URL: stores.url };
    const obstacle = await putObstacle(stores.url, "lock table lightningtalk.events in access exclusive mode");
    const script = startScript(process.execPath, ["ops/migrate.mjs", ...args], { env });
    await obstacle.untilBlocked("lightningtalk.events");
    script.child.kill(signal);
    await script.untilStderr("stopping after the current batch");
    await obstacle.release();
    const { exitCode, stderr, stdout } = await script.result;
    expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: "" });
    expect(stderr).toMatch(
      /Error: Stopped (after \d+ documents of \w+, all of them committed|by (Ctrl-C|SIGTERM) before the end)\.\n {2}Next: /i,
    );
    expect(await runScript("migrate.mjs", args, env)).toMatchObject({ code: 0 });
    expect(await storesAreEqual(stores)).toBe(true);
  },
);

test("evidence from a clock that has stepped back since is refused, and so is evidence that is too old", async () => {
  const stores = await prepareStores();
  await executeHere(stores);
  expect(await storesAreEqual(stores)).toBe(true);
  const entries = await readJournal(stateDirectory(stores.dataDirectory));
  const path = join(stateDirectory(stores.dataDirectory).evidence, entries.at(-1)!.facts["evidence"] as string);
  const { at, files } = JSON.parse(await readFile(path, "utf8")) as { at: string; files: Record<string, string> };
  const hashes = new Map(Object.entries(files));
  const moment = Date.parse(at);
  await expect(requireFreshEvidence(stores.dataDirectory, hashes, moment - 1)).rejects.toMatchObject({
    code: "stale-evidence",
  });
  await expect(requireFreshEvidence(stores.dataDirectory, hashes, moment + evidenceMaxAgeMs + 1)).rejects.toMatchObject(
    { code: "stale-evidence" },
  );
  expect(await requireFreshEvidence(stores.dataDirectory, hashes, moment)).toMatchObject({ ok: true });
});

test("rows of somebody else in a table that is loaded fail the run", async () => {
  const stores = await prepareStores();
  await withClient(stores.url, {}, (client) =>
    client.query("insert into lightningtalk.talks (id, position) values ('by somebody else', 1000000)"),
  );
  await expect(executeHere(stores)).rejects.toMatchObject({
    code: "count-mismatch",
    message: expect.stringContaining("talks: "),
  });
});

/** Prepare, execute, verify and export; returns what is not as it should be. */
async function goTheWholeWay(url: string): Promise<unknown> {
  const directory = await makeTempDirectory();
  const dataDirectory = join(directory, "data");
  const { quarantined } = await writeDamagedData(dataDirectory, 300);
  const args = ["--data", dataDirectory, "--accept-quarantined", String(quarantined)];
  const run = await runScript("migrate.mjs", ["run", ...args, "--json"], { DATABASE_URL: url });
  const { ok, error, verify } = JSON.parse(run.stdout) as Record<string, unknown>;
  if (ok !== true) return { error, verify };
  const exported = await runScript("export.mjs", ["--to", join(directory, "to")], { DATABASE_URL: url });
  if (exported.code !== 0) return exported;
  return await findFileDifference(dataDirectory, join(directory, "to"));
}

test("the login for migrations prepares, executes and exports once the roles are there", async () => {
  const cluster = await startOwnCluster();
  onTestFinished(() => cluster.stop());
  await cluster.run("create database app");
  await runScript("db.mjs", ["migrate"], { DATABASE_URL: cluster.url("app") });
  const env = { DATABASE_URL: await cluster.login("lt_migrator", "app") };
  const directory = await makeTempDirectory();
  const dataDirectory = join(directory, "data");
  const { quarantined } = await writeDamagedData(dataDirectory, 300);
  const data = ["--data", dataDirectory];
  expect(await runScript("migrate.mjs", ["prepare", ...data], env)).toMatchObject({ code: 0 });
  expect(
    await runScript("migrate.mjs", ["execute", ...data, "--accept-quarantined", String(quarantined)], env),
  ).toMatchObject({ code: 0 });
  expect(await runScript("export.mjs", ["--to", join(directory, "to")], env)).toMatchObject({ code: 0 });
  expect(await findFileDifference(dataDirectory, join(directory, "to"))).toBeUndefined();
});

const older = await findOlderBinaries();

const majors = older.map(({ major }) => major);

test(`older PostgreSQL to go the whole way with: ${majors.join(", ") || "none is installed here"}`, () => {
  expect(majors.every((major) => major >= 15 && major <= 17)).toBe(true);
});

test.for(older.map((binaries) => [binaries.major, binaries] as const))(
  "PostgreSQL %i does the whole way as well",
  async ([, binaries]) => {
    const cluster = await startOlderCluster(binaries);
    onTestFinished(() => cluster.stop());
    await cluster.run("create database app");
    expect(await goTheWholeWay(cluster.url("app"))).toBeUndefined();
  },
);
