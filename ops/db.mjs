#!/usr/bin/env zx
import "./cli/require-node.mjs";
import "./cli/compile-cache.mjs";

const { command, runScript } = await import("./cli/script.ts");
const { formatMegabytes } = await import("./cli/quantities.ts");
const { OpsError } = await import("./errors.ts");
const { keepLocalServer } = await import("./platform/borrow-local.ts");
const { withDatabase } = await import("./platform/database-in-use.ts");
const { describeLocalServer } = await import("./platform/describe-local.ts");
const { stopLocalServer } = await import("./platform/local.ts");
const { withClient } = await import("./postgres/connection.ts");
const { describeSchema, migrateSchema } = await import("./postgres/schema.ts");

/** @import { CommandResult } from "./cli/definition.ts" */
/** @import { LocalServerStatus } from "./platform/describe-local.ts" */

const start = command({
  summary: "start the embedded PostgreSQL in the background and keep it running",
  description: "Starts PostgreSQL 18 on a free port of 127.0.0.1; safe to repeat. It keeps running until `stop`.",
  run: async ({ config, reporter, dryRun }) => {
    const before = await describeLocalServer(config.ltHome);
    if (dryRun) return describe(before, [before.state === "running" ? "It runs already." : "Would start it."]);
    if (config.databaseUrl !== undefined)
      reporter.warn("DATABASE_URL is set: other commands use that server, not this one.");
    const { startedNow } = await keepLocalServer(config.ltHome);
    const status = await describeLocalServer(config.ltHome);
    return describe(status, ["Connection URL: npx zx ops/db.mjs url"], { startedNow });
  },
});

const stop = command({
  summary: "stop the embedded PostgreSQL; what was committed is on disk",
  run: async ({ config, dryRun }) => {
    const before = await describeLocalServer(config.ltHome);
    if (dryRun) return describe(before, [before.pid === undefined ? "There is nothing to stop." : "Would stop it."]);
    const stopped = await stopLocalServer(config.ltHome);
    return {
      ok: true,
      summary: [stopped ? "PostgreSQL has stopped." : "PostgreSQL was not running."],
      data: { stopped },
    };
  },
});

const status = command({
  summary: "show whether the embedded PostgreSQL runs, where its data is and how large",
  run: async ({ config }) => describe(await describeLocalServer(config.ltHome)),
});

const url = command({
  summary: "print the connection URL of the database in use, with its password",
  description: "This is the one command that shows a password: mind where its output goes.",
  printsSecrets: true,
  run: async ({ config }) => {
    const { url: embedded } = await describeLocalServer(config.ltHome);
    const found = config.databaseUrl ?? embedded;
    if (found === undefined) throw notRunning(config.ltHome);
    return { ok: true, summary: [found], data: { url: found, embedded: config.databaseUrl === undefined } };
  },
});

const migrate = command({
  summary: "bring the database to the newest schema",
  description: "Applies the migrations of sql/migrations that are missing, then roles and grants; safe to repeat.",
  run: async ({ config, dryRun }) => {
    if (dryRun) return await planMigration(config);
    const { applied, alreadyApplied, head } = await withDatabase(config, (target) => migrateSchema(target));
    const summary = [
      ...applied.map((name) => `applied ${name}`),
      `${applied.length} applied, ${alreadyApplied} were there before.`,
    ];
    return { ok: true, summary, data: { applied, alreadyApplied, head } };
  },
});

await runScript({
  name: "db",
  summary: "the embedded PostgreSQL, and the schema of the database in use",
  commands: { start, stop, status, url, migrate },
});

/**
 * @param {LocalServerStatus} found
 * @param {string[]} [more] lines to add for a person
 * @param {Record<string, unknown>} [facts] to add for `--json`
 * @returns {CommandResult}
 */
function describe({ url: _secret, ...found }, more = [], facts = {}) {
  const summary = [
    `PostgreSQL ${found.installedVersion}: ${found.state}${found.onDemand ? " (until the last command that uses it ends)" : ""}`,
  ];
  if (found.pid !== undefined)
    summary.push(`Address: 127.0.0.1:${found.port}, process ${found.pid}, socket in ${found.socketDirectory}`);
  if (found.dataDirectory !== undefined) {
    summary.push(
      `Data: ${found.dataDirectory} (PostgreSQL ${found.dataVersion}, ${formatMegabytes(found.bytesOnDisk ?? 0)} MB)`,
    );
    summary.push(`Log: ${found.logFile}`);
  }
  return { ok: true, summary: [...summary, ...more], data: { ...found, ...facts } };
}

/**
 * Reads the schema of the database in use; never starts a server, for that would write.
 *
 * @param {import("./config/config.ts").Config} config
 * @returns {Promise<CommandResult>}
 */
async function planMigration(config) {
  const target = config.databaseUrl ?? (await describeLocalServer(config.ltHome)).url;
  if (target === undefined) throw notRunning(config.ltHome);
  const { head, applied, pending } = await withClient(target, {}, async (client) => {
    await client.query("set default_transaction_read_only = on");
    return await describeSchema(client);
  });
  const summary = [
    ...pending.map((name) => `would apply ${name}`),
    `${pending.length} to apply, ${applied.length} are there.`,
  ];
  return { ok: true, summary, data: { pending, applied, head } };
}

/** @param {string} home */
function notRunning(home) {
  return new OpsError("not-running", `The embedded PostgreSQL of ${home} does not run.`, {
    hint: "npx zx ops/db.mjs start",
  });
}
