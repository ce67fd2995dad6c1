import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { OpsError } from "../errors.ts";
import { isFileError } from "./file-errors.ts";

/**
 * Makes sure that a data directory is one that PostgreSQL of this major version can open.
 *
 * @throws OpsError `other-major-version`, or `no-cluster` when it is none at all
 */
export async function refuseOtherMajorVersion(dataDirectory: string, major: number): Promise<void> {
  const found = await readMajorVersion(dataDirectory);
  if (found === String(major)) return;
  if (found === undefined) {
    throw new OpsError(
      "no-cluster",
      `The directory ${dataDirectory} holds no PostgreSQL cluster (it has no PG_VERSION file).`,
      {
        hint: "Move it away; the next start makes a new one.",
      },
    );
  }
  throw new OpsError(
    "other-major-version",
    `The data directory ${dataDirectory} was made by PostgreSQL ${found}, and this is PostgreSQL ${major}.`,
    {
      hint: `Start it with the release of this tool that has PostgreSQL ${found} and run its ops/export.mjs; then move the directory away and migrate again.`,
      details: { dataDirectory, found, expected: String(major) },
    },
  );
}

/** The content of the PG_VERSION file, "18"; undefined when there is none. */
export async function readMajorVersion(dataDirectory: string): Promise<string | undefined> {
  try {
    return (await readFile(join(dataDirectory, "PG_VERSION"), "utf8")).trim();
  } catch (error) {
    if (isFileError(error, "ENOENT")) return undefined;
    throw error;
  }
}
