/** What `execute` would do, found by reading only. */

import { withClient } from "../postgres/connection.ts";
import { describeSchema } from "../postgres/schema.ts";
import { withTransaction } from "../postgres/transaction.ts";
import { fingerprintFile } from "./fingerprint.ts";
import { readProgress } from "./load/load-progress.ts";
import type { LoadProgress } from "./load/load-progress.ts";
import { findSources } from "./sources.ts";
import type { Source } from "./sources.ts";

export interface PlannedStep {
  title: string;
  /** What the step would do, in words. */
  action: string;
}

/**
 * Lists the steps of a real run with what each finds to do.
 *
 * The database is asked in a READ ONLY transaction, so that the server itself refuses every write.
 */
export async function planExecute({
  url,
  dataDirectory,
}: {
  url: string;
  dataDirectory: string;
}): Promise<PlannedStep[]> {
  const { sources } = await findSources(dataDirectory);
  return await withClient(url, { applicationName: "migrate execute (dry run)" }, (client) =>
    withTransaction(
      client,
      async () => {
        const { pending, applied } = await describeSchema(client);
        const recorded = applied.length === 0 ? new Map<string, LoadProgress>() : await readProgress(client);
        const loads: PlannedStep[] = [];
        for (const source of sources) loads.push(await planLoad(source, recorded.get(source.collection.name)));
        return [
          { title: "checkSources", action: `read ${sources.length} files and fingerprint them` },
          {
            title: "prepareSchema",
            action: pending.length === 0 ? "nothing: the schema is up to date" : `apply ${pending.join(", ")}`,
          },
          ...loads,
          { title: "validateIntegrity", action: "fingerprint the files again, count the rows, analyze the tables" },
        ];
      },
      { readOnly: true },
    ),
  );
}

async function planLoad({ collection, file, path }: Source, progress: LoadProgress | undefined): Promise<PlannedStep> {
  const { sha256, size } = await fingerprintFile(path);
  const megabytes = (size / 1e6).toFixed(1);
  const title = collection.step;
  if (progress === undefined) return { title, action: `load ${file}, ${megabytes} MB` };
  if (progress.source.sha256 !== sha256)
    return { title, action: `refuse: ${file} has changed since it was loaded (see --replace)` };
  if (progress.complete) return { title, action: `nothing: ${progress.documents} documents are loaded` };
  return { title, action: `go on with ${file} behind element ${progress.elements}` };
}
