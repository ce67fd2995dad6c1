import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { fingerprintFile } from "../../../ops/migration/fingerprint.ts";
import { encoderTask, loadCollection } from "../../../ops/migration/load/collection-loader.ts";
import { encodeFiles } from "../../../ops/migration/load/encoder.ts";
import { emptyProgress } from "../../../ops/migration/load/load-progress.ts";
import type { LoadProgress } from "../../../ops/migration/load/load-progress.ts";
import { findSources } from "../../../ops/migration/sources.ts";
import { withClient } from "../../../ops/postgres/connection.ts";

/** Loads every file of a data directory, as lt_admin and in the order of the references. */
export async function loadFiles(url: string, directory: string): Promise<Map<string, LoadProgress>> {
  const { sources } = await findSources(directory);
  const loaded = new Map<string, LoadProgress>();
  await withClient(url, { role: "lt_admin" }, async (client) => {
    for (const { collection, path } of sources) {
      const source = await fingerprintFile(path);
      const progress = emptyProgress(collection.name, source);
      const load = { collection, directory, source, progress };
      await using segments = encodeFiles([encoderTask(load)]);
      const options = {
        ...load,
        client,
        batches: segments.next(),
        signal: new AbortController().signal,
        onProgress: () => undefined,
      };
      loaded.set(collection.name, await loadCollection(options));
    }
  });
  return loaded;
}

/** Empties all tables of a database, whatever refers to what. */
export async function emptyTables(url: string): Promise<void> {
  await withClient(url, {}, async (client) => {
    const { rows } = await client.query<{ list: string }>(
      `select string_agg(format('%I.%I', schemaname, tablename), ', ') as list from pg_catalog.pg_tables
        where schemaname in ('lightningtalk', 'ops') and tablename <> 'schema_migrations'`,
    );
    await client.query(`truncate ${rows[0]!.list} cascade`);
  });
}

/**
 * Writes files into a directory that is gone when the test ends.
 *
 * @param files content by collection
 */
export async function writeData(files: Readonly<Record<string, string>>): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "lt-data-"));
  onTestFinished(() => rm(directory, { recursive: true }));
  for (const [name, content] of Object.entries(files)) await writeFile(join(directory, `${name}.json`), content);
  return directory;
}
