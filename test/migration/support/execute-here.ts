import { executeMigration } from "../../../ops/migration/execute.ts";
import type { ExecuteResult } from "../../../ops/migration/load/validate-load.ts";
import type { ExecuteOptions } from "../../../ops/migration/execute.ts";
import { verifyStores } from "../../../ops/migration/verify/verify-stores.ts";
import { silentReporter } from "./silent-reporter.ts";

type Wanted = Pick<ExecuteOptions, "url" | "dataDirectory"> & Partial<ExecuteOptions>;

/**
 * Executes the migration in this process, in small batches and without a word.
 *
 * @param onBatch called after each committed batch, counted from 1 in each collection
 */
export async function executeHere(
  wanted: Wanted,
  onBatch: (collection: string, batch: number) => void = () => undefined,
): Promise<ExecuteResult> {
  const reporter = {
    ...silentReporter,
    progress: (label: string) => {
      let batches = 0;
      return { update: () => onBatch(label, (batches += 1)), finish: () => undefined, clear: () => undefined };
    },
  };
  const signal = new AbortController().signal;
  return await executeMigration({
    acceptQuarantined: 0,
    replace: false,
    batchBytes: 16 << 10,
    reporter,
    signal,
    ...wanted,
  });
}

/** Whether verification finds both stores equal. */
export async function storesAreEqual({ url, dataDirectory }: Wanted): Promise<boolean> {
  const signal = new AbortController().signal;
  const { ok } = await verifyStores({ url, dataDirectory, reporter: silentReporter, signal, maximumSamples: 3 });
  return ok;
}
