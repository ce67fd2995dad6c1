/** The collections' files in a data directory. */

import { open, readdir } from "node:fs/promises";
import { join } from "node:path";
import type { Collection } from "../collections/collection.ts";
import { collectionNamed, knownGenericNames, plannedCollections } from "../collections/registry.ts";
import { OpsError } from "../errors.ts";

export interface Source {
  collection: Collection;
  /** File name. */
  file: string;
  path: string;
}

export interface SourceList {
  /** In loading order: what is referenced comes first. */
  sources: Source[];
  /** JSON files that hold no array: not the application's data, left where they are. */
  ignored: string[];
}

/**
 * Finds the files to migrate: the planned collections, the further ones of the application, and any other array.
 *
 * @throws OpsError `no-data` when the directory cannot be read or holds no collection at all
 */
export async function findSources(directory: string): Promise<SourceList> {
  const files = (await readDirectory(directory)).filter((name) => name.endsWith(".json") && !name.startsWith("."));
  const known = new Set<string>([...plannedCollections.map(({ name }) => name), ...knownGenericNames]);
  const list: SourceList = { sources: [], ignored: [] };
  for (const name of sortForLoading(files.map((file) => file.slice(0, -".json".length)))) {
    const path = join(directory, `${name}.json`);
    if (known.has(name) || (await beginsAsArray(path)))
      list.sources.push({ collection: collectionNamed(name), file: `${name}.json`, path });
    else list.ignored.push(`${name}.json`);
  }
  if (list.sources.length === 0) throw noData(directory, "it holds no *.json file with an array of documents");
  return list;
}

function sortForLoading(names: string[]): string[] {
  const planned = plannedCollections.map(({ name }): string => name).filter((name) => names.includes(name));
  return [...planned, ...names.filter((name) => !planned.includes(name)).toSorted()];
}

async function readDirectory(directory: string): Promise<string[]> {
  try {
    const entries = await readdir(directory, { withFileTypes: true });
    return entries.filter((entry) => entry.isFile()).map(({ name }) => name);
  } catch (cause) {
    throw noData(directory, (cause as Error).message, cause);
  }
}

/** Broken and empty files count as arrays, so that reading them says what is wrong. */
async function beginsAsArray(path: string): Promise<boolean> {
  const file = await open(path, "r");
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(4096), 0, 4096, 0);
    const start = buffer
      .toString("utf8", 0, bytesRead)
      .replace(/^\ufeff/, "")
      .trimStart();
    return !/^[{"0-9tfn-]/.test(start);
  } finally {
    await file.close();
  }
}

function noData(directory: string, reason: string, cause?: unknown): OpsError {
  return new OpsError("no-data", `There is nothing to migrate in ${directory}: ${reason}.`, {
    hint: "Name the application's data directory: --data DIR (or LT_DATA_DIR).",
    cause,
  });
}
