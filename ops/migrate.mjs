#!/usr/bin/env zx
import "./cli/require-node.mjs";
import "./cli/compile-cache.mjs";

const { command, runScript } = await import("./cli/script.ts");
const { cleanupFiles } = await import("./migration/cleanup.ts");
const { executeMigration } = await import("./migration/execute.ts");
const { planExecute } = await import("./migration/plan-execute.ts");
const { prepareMigration } = await import("./migration/prepare/prepare.ts");
const { readStatus } = await import("./migration/read-status.ts");
const { reportCleanup, reportExecute, reportPlan, reportPrepare, reportStatus, reportVerify } =
  await import("./migration/report.ts");
const { verifyStores } = await import("./migration/verify/verify-stores.ts");
const { withDatabase } = await import("./platform/database-in-use.ts");

/** @import { CommandContext } from "./cli/definition.ts" */

const executeOptions = /** @type {const} */ ([
  {
    flag: "--accept-quarantined <N>",
    summary: "documents in quarantine that you have looked at; any other number fails the run",
    type: "integer",
    min: 0,
    default: 0,
  },
  { flag: "--replace", summary: "remove and load again what was loaded from files that have changed since" },
]);

/**
 * @template T
 * @param {CommandContext<any>} context
 * @param {(url: string) => Promise<T>} task
 */
function onDatabase({ config, dryRun }, task) {
  return withDatabase({ ...config, dryRun }, task);
}

/** @param {CommandContext<any>} context */
async function runPrepare(context, /** @type {string} */ url) {
  return reportPrepare(await prepareMigration({ ...context, dataDirectory: context.config.dataDirectory, url }));
}

/** @param {CommandContext<typeof executeOptions>} context */
async function runExecute(context, /** @type {string} */ url) {
  const { config, flags } = context;
  const options = { ...context, ...flags, url, dataDirectory: config.dataDirectory };
  if (context.dryRun) return reportPlan(await planExecute(options));
  return reportExecute(await executeMigration(options));
}

/** @param {CommandContext<any>} context */
async function runVerify(context, /** @type {string} */ url) {
  return reportVerify(
    await verifyStores({ ...context, dataDirectory: context.config.dataDirectory, url, maximumSamples: 10 }),
  );
}

const prepare = command({
  summary: "read every file, list what is odd, check the database, back the files up",
  description: "Writes nothing but a verified backup set of the files.",
  run: (context) => onDatabase(context, (url) => runPrepare(context, url)),
});

const execute = command({
  summary: "load the files into PostgreSQL; goes on where it was stopped",
  description: "Safe to repeat: what is loaded stays, and a second run says what was done before.",
  destructive: "with --replace only: the loaded rows of files that have changed, after asking",
  options: executeOptions,
  run: (context) => onDatabase(context, (url) => runExecute(context, url)),
});

const verify = command({
  summary: "compare the files with PostgreSQL record by record, in both directions",
  description: "Writes an evidence file, which cleanup asks for. Exit code 1 when anything differs.",
  run: (context) => onDatabase(context, (url) => runVerify(context, url)),
});

const run = command({
  summary: "prepare, execute and verify",
  options: executeOptions,
  run: (context) =>
    onDatabase(context, async (url) => {
      const results = { prepare: await runPrepare(context, url) };
      if (!results.prepare.ok) return results.prepare;
      const executed = await runExecute(context, url);
      if (!executed.ok || context.dryRun) return executed;
      const verified = await runVerify(context, url);
      return {
        ok: verified.ok,
        summary: [...results.prepare.summary, "", ...executed.summary, "", ...verified.summary],
        data: { prepare: results.prepare.data, execute: executed.data, verify: verified.data },
      };
    }),
});

const cleanup = command({
  summary: "archive the JSON files into a backup set and remove them",
  description: "Refuses without fresh evidence that PostgreSQL holds every document.",
  destructive: "the JSON files in the data directory, after a verified archive was made of them",
  run: (context) =>
    onDatabase(context, async (url) =>
      reportCleanup(await cleanupFiles({ ...context, dataDirectory: context.config.dataDirectory, url })),
    ),
});

const status = command({
  summary: "show what is loaded, what is in quarantine and what was verified",
  run: ({ config }) => withDatabase(config, async (url) => reportStatus(await readStatus(url, config.dataDirectory))),
});

await runScript({
  name: "migrate",
  summary: "the application's JSON files to PostgreSQL, without losing a record",
  commands: { run, prepare, execute, verify, cleanup, status },
});
