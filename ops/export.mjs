#!/usr/bin/env zx
import "./cli/require-node.mjs";
import "./cli/compile-cache.mjs";

const path = await import("node:path");
const { command, runScript } = await import("./cli/script.ts");
const { formatMegabytes } = await import("./cli/quantities.ts");
const { formatTable } = await import("./cli/table.ts");
const { exportDocuments } = await import("./migration/export-documents.ts");
const { withLoadedDatabase } = await import("./migration/loaded-database.ts");
const { withAdvisoryLock } = await import("./postgres/advisory-lock.ts");
const { withDatabase } = await import("./platform/database-in-use.ts");

await runScript({
  name: "export",
  ...command({
    summary: "write the documents of PostgreSQL back to JSON files",
    description:
      "Writes one file per collection, as the application has them: equal values, the order of the array, quarantined documents in their places.",
    examples: ["--to restored-data"],
    options: [
      { flag: "--to <DIR>", summary: "directory to write to; made when missing", required: true },
      { flag: "--overwrite", summary: "replace files of the same names" },
    ],
    run: async ({ config, flags, reporter, signal, dryRun }) => {
      const directory = path.resolve(flags.to);
      if (dryRun)
        return { ok: true, summary: [`Would write one file per collection to ${directory}.`], data: { directory } };
      const files = await withDatabase(config, (url) =>
        // Two exports into one directory would write the same temporary files.
        withAdvisoryLock(url, `export ${directory}`, "export", () =>
          withLoadedDatabase(url, "export", (client) =>
            exportDocuments({ client, url, directory, overwrite: flags.overwrite, reporter, signal }),
          ),
        ),
      );
      const rows = files.map(({ file, documents, bytes }) => [file, documents, formatMegabytes(bytes)]);
      return {
        ok: true,
        summary: [...formatTable(["file", "documents", "MB"], rows), "", `Written to ${directory}.`],
        data: { directory, files },
      };
    },
  }),
});
