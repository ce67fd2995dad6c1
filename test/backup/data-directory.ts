import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { fingerprintFile } from "../../ops/migration/fingerprint.ts";
import { findSources } from "../../ops/migration/sources.ts";

/** Contents by file name: text and bytes are written as they are, anything else as the application writes it. */
export type Contents = Record<string, unknown>;

/** A data directory of one test, removed when it ends. */
export async function makeDataDirectory(contents: Contents): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), "lightningtalk-data-"));
  onTestFinished(() => rm(root, { recursive: true, force: true }));
  const directory = join(root, "data");
  await mkdir(directory);
  await writeContents(directory, contents);
  return directory;
}

export async function writeContents(directory: string, contents: Contents): Promise<void> {
  for (const [name, content] of Object.entries(contents)) {
    const raw = typeof content === "string" || content instanceof Uint8Array;
    await writeFile(join(directory, name), raw ? content : JSON.stringify(content, null, 2));
  }
}

/** What a backup is made of. */
export async function readSources(dataDirectory: string) {
  const { sources } = await findSources(dataDirectory);
  const fingerprints = await Promise.all(sources.map(({ path }) => fingerprintFile(path)));
  return { dataDirectory, sources, fingerprints };
}

/** Every file below a directory with its bytes and the time of its last change. */
export async function readTree(directory: string): Promise<Record<string, string>> {
  const tree: Record<string, string> = {};
  for (const name of (await readdir(directory, { recursive: true })).toSorted()) {
    const path = join(directory, name);
    const stats = await stat(path);
    tree[name] = stats.isDirectory() ? "directory" : `${stats.mtimeMs} ${(await readFile(path)).toString("base64")}`;
  }
  return tree;
}
