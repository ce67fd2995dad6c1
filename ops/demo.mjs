#!/usr/bin/env zx
import "./cli/require-node.mjs";
import "./cli/compile-cache.mjs";

const { cp, mkdir, rm } = await import("node:fs/promises");
const path = await import("node:path");
const { command, runScript } = await import("./cli/script.ts");
const { PROJECT_ROOT } = await import("./config/project-root.ts");
const { compareFiles } = await import("./migration/compare-files.ts");
const { executeMigration } = await import("./migration/execute.ts");
const { exportDocuments } = await import("./migration/export-documents.ts");
const { withLoadedDatabase } = await import("./migration/loaded-database.ts");
const { prepareMigration } = await import("./migration/prepare/prepare.ts");
const { reportPrepare, reportVerify } = await import("./migration/report.ts");
const { verifyStores } = await import("./migration/verify/verify-stores.ts");
const { withDatabase } = await import("./platform/database-in-use.ts");
const { discardLocalServer } = await import("./platform/discard-local.ts");

await runScript({
  name: "demo",
  ...command({
    summary: "the main job on sample data: prepare, execute, verify, export back",
    description: "Works on a copy of samples/data in an embedded PostgreSQL of its own; safe to repeat.",
    run: async ({ config: given, reporter, signal, dryRun }) => {
      const home = path.join(given.ltHome, "demo");
      const dataDirectory = path.join(home, "data");
      const directory = path.join(home, "exported");
      const config = { ...given, databaseUrl: undefined, ltHome: home, dataDirectory };
      if (dryRun) return { ok: true, summary: [`Would run the demo in ${home}.`], data: { home } };

      await discardLocalServer(home);
      await rm(home, { recursive: true, force: true });
      await mkdir(home, { recursive: true });
      await cp(path.join(PROJECT_ROOT, "samples", "data"), dataDirectory, { recursive: true });

      return await withDatabase(config, async (url) => {
        const options = { config, dataDirectory, url, reporter, signal };
        const prepared = await prepareMigration({ ...options, dryRun: false });
        const executed = await executeMigration({
          ...options,
          acceptQuarantined: prepared.quarantined,
          replace: false,
        });
        const verified = await verifyStores({ ...options, maximumSamples: 10 });
        const files = await withLoadedDatabase(url, "demo", (client) =>
          exportDocuments({ client, url, directory, overwrite: true, reporter, signal }),
        );
        const unequal = await compareFiles(
          dataDirectory,
          directory,
          files.map(({ file }) => file),
        );
        const documents = executed.outcomes.reduce((sum, { progress }) => sum + progress.documents, 0);
        return {
          ok: verified.ok && unequal.length === 0,
          summary: [
            ...reportPrepare(prepared).summary,
            "",
            ...reportVerify(verified).summary,
            "",
            unequal.length === 0
              ? `${documents} documents went from JSON files to PostgreSQL and back; every value is equal.`
              : `The exported files differ: ${unequal.join(", ")}.`,
            `The files and the exported ones are in ${home}.`,
            "Your own data next: npx zx ops/migrate.mjs prepare --data DIR",
          ],
          data: { documents, verified: verified.ok, unequal, home },
        };
      });
    },
  }),
});
