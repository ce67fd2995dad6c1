import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Client } from "pg";
import { collectionNamed } from "../../../ops/collections/registry.ts";
import { parseExact } from "../../../ops/json/value.ts";
import type { JsonValue } from "../../../ops/json/value.ts";
import { readProgress } from "../../../ops/migration/load/load-progress.ts";
import { readStoredDocuments } from "../../../ops/migration/verify/database-records.ts";
import { withClient } from "../../../ops/postgres/connection.ts";
import { findDifference } from "./same-json.ts";

/** The first difference between the collections' files of two directories: values, order of the array, and which files. */
export async function findFileDifference(expected: string, actual: string): Promise<string | undefined> {
  const [left, right] = [await jsonFiles(expected), await jsonFiles(actual)];
  if (left.join() !== right.join()) return `files ${left.join()} and ${right.join()}`;
  for (const file of left) {
    const found = findDifference(await readJson(join(expected, file)), await readJson(join(actual, file)));
    if (found !== undefined) return `${file}#${found}`;
  }
  return undefined;
}

/**
 * The first place at which the database holds anything but the very elements that its progress rows speak of.
 *
 * @returns undefined also for a database without our schema
 */
export async function findProgressDifference(url: string, directory: string): Promise<string | undefined> {
  return await withClient(url, {}, async (client) => {
    const { rows } = await client.query<{ there: boolean }>(
      "select to_regclass('ops.load_progress') is not null as there",
    );
    if (!rows[0]!.there) return undefined;
    await client.query("begin isolation level repeatable read read only");
    const recorded = await readProgress(client);
    for (const file of await jsonFiles(directory)) {
      const name = file.slice(0, -".json".length);
      const elements = (await readJson(join(directory, file))) as JsonValue[];
      const found = findDifference(
        elements.slice(0, recorded.get(name)?.elements ?? 0),
        await readStored(client, name),
      );
      if (found !== undefined) return `${name}#${found}`;
    }
    return undefined;
  });
}

async function readStored(client: Client, name: string): Promise<JsonValue[]> {
  const documents: JsonValue[] = [];
  for await (const group of readStoredDocuments(client, collectionNamed(name)))
    documents.push(...group.map(({ document }) => document));
  return documents;
}

async function jsonFiles(directory: string): Promise<string[]> {
  return (await readdir(directory)).filter((name) => name.endsWith(".json")).toSorted();
}

async function readJson(path: string): Promise<JsonValue> {
  return parseExact(await readFile(path, "utf8"));
}

/** The definitions of all constraints and indexes of our schemas, and what is still suspended. */
export async function readConstraints(url: string): Promise<unknown> {
  return await withClient(url, {}, async (client) => {
    const constraints = await client.query(
      `select conrelid::regclass::text as relation, conname, convalidated, pg_get_constraintdef(oid) as definition from pg_constraint
        where connamespace in ('lightningtalk'::regnamespace, 'ops'::regnamespace) order by 1, 2`,
    );
    const indexes = await client.query(
      "select tablename, indexname, indexdef from pg_indexes where schemaname in ('lightningtalk', 'ops') order by 1, 2",
    );
    const suspended = await client.query("select * from ops.suspended_constraints");
    return { constraints: constraints.rows, indexes: indexes.rows, suspended: suspended.rows };
  });
}
