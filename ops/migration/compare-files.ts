import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compareRecords } from "./verify/compare-records.ts";
import { readFileRecords } from "./verify/file-side.ts";

/**
 * Compares files of the same names in two directories, value for value and in order.
 *
 * @returns the names of the files that differ
 */
export async function compareFiles(one: string, other: string, files: string[]): Promise<string[]> {
  const unequal: string[] = [];
  const directory = await mkdtemp(join(tmpdir(), "lightningtalk-db-"));
  try {
    for (const file of files) {
      const sides = [readFileRecords(join(one, file)), readFileRecords(join(other, file))] as const;
      const { counts } = await compareRecords(...sides, { directory, maximumSamples: 0 });
      if (Object.values(counts).some((count) => count > 0)) unequal.push(file);
    }
  } finally {
    await rm(directory, { recursive: true });
  }
  return unequal;
}
