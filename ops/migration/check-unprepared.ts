import { findPreparedSet } from "../backup/backup-set.ts";
import { checkSyntax } from "./check-syntax.ts";
import type { Fingerprint } from "./fingerprint.ts";
import type { Source } from "./sources.ts";

/**
 * Makes sure that no file is broken before anything is written. `prepare` makes a backup set only of files that it has read
 * through; files that no set holds in this very state are read through now.
 *
 * @returns what was done, in words
 * @throws OpsError `broken-json`
 */
export async function checkUnprepared(
  dataDirectory: string,
  sources: Source[],
  fingerprints: Fingerprint[],
): Promise<string> {
  if ((await findPreparedSet(dataDirectory, fingerprints)) !== undefined) return "the files are as they were prepared";
  for (const { path } of sources) await checkSyntax(path);
  return "not prepared: the files were read through now, and no backup set holds them";
}
