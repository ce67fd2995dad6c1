import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Client } from "pg";
import { expect, onTestFinished, test } from "vitest";
import { collectionNamed } from "../../ops/collections/registry.ts";
import { fingerprintFile } from "../../ops/migration/fingerprint.ts";
import { encoderTask, loadCollection } from "../../ops/migration/load/collection-loader.ts";
import { encodeFiles } from "../../ops/migration/load/encoder.ts";
import { emptyProgress, readProgress } from "../../ops/migration/load/load-progress.ts";
import type { LoadProgress } from "../../ops/migration/load/load-progress.ts";
import { findSources } from "../../ops/migration/sources.ts";
import { connect, withClient } from "../../ops/postgres/connection.ts";
import { readConstraints } from "./support/compare-stores.ts";
import { writeDamagedData } from "./support/damaged-data.ts";
import { executeHere } from "./support/execute-here.ts";
import { makeDatabase } from "./support/own-database.ts";
import { makeTempDirectory } from "./support/temp-directory.ts";

const tables = ["events", "participants", "talks", "settings", "analytics", "documents"];

test("damage is kept the same way whether the constraints stand during the load or are built after it", async () => {
  const dataDirectory = join(await makeTempDirectory(), "data");
  const { quarantined } = await writeDamagedData(dataDirectory, 1500);
  const [empty, occupied] = [await makeDatabase(), await makeDatabase()];
  await executeHere({ url: empty, dataDirectory, acceptQuarantined: quarantined });
  await loadIntoOccupiedTables(occupied, dataDirectory);
  expect(await readContents(occupied)).toEqual(await readContents(empty));
  expect(await readConstraints(occupied)).toEqual(await readConstraints(empty));
});

/** A row that is there before keeps the constraints; it goes when all is loaded. */
async function loadIntoOccupiedTables(url: string, directory: string): Promise<void> {
  const client = await connectAs(url);
  for (const table of ["events", "participants", "talks", "analytics"]) {
    await client.query(`insert into lightningtalk.${table} (id, position) values ('there before', -1)`);
  }
  for (const { collection } of (await findSources(directory)).sources) await load(client, directory, collection.name);
  for (const table of ["talks", "participants", "events", "analytics"]) {
    await client.query(`delete from lightningtalk.${table} where id = 'there before'`);
  }
}

async function load(client: Client, directory: string, name: string, batchBytes = 16 << 10): Promise<LoadProgress> {
  const source = await fingerprintFile(join(directory, `${name}.json`));
  const options = {
    collection: collectionNamed(name),
    directory,
    source,
    progress: emptyProgress(name, source),
    batchBytes,
  };
  await using segments = encodeFiles([encoderTask(options)]);
  const signal = new AbortController().signal;
  return await loadCollection({ ...options, client, batches: segments.next(), signal, onProgress: () => undefined });
}

async function connectAs(url: string): Promise<Client> {
  const client = await connect(url, { role: "lt_admin" });
  onTestFinished(() => client.end());
  return client;
}

async function readContents(url: string) {
  return await withClient(url, {}, async (client) => {
    const contents: Record<string, unknown> = {};
    for (const table of tables)
      contents[table] = (
        await client.query(
          `select * from lightningtalk.${table} order by position, ${table === "settings" ? "key" : "id"}`,
        )
      ).rows;
    contents["quarantine"] = (
      await client.query("select collection, position, document from ops.quarantine order by 1, 2")
    ).rows;
    contents["progress"] = [...(await readProgress(client)).values()].toSorted((a, b) =>
      a.collection < b.collection ? -1 : 1,
    );
    return contents;
  });
}

/** Counts what goes to the server. */
function countStatements(client: Client): { count: number } {
  const counter = { count: 0 };
  const query = client.query.bind(client) as (...args: unknown[]) => unknown;
  client.query = ((...args: unknown[]) => {
    counter.count += 1;
    return query(...args);
  }) as typeof client.query;
  return counter;
}

async function writeTalks(count: number, isBad: (i: number) => boolean): Promise<string> {
  const directory = await makeTempDirectory();
  const talks = Array.from({ length: count }, (_, i) => ({
    id: `talk-${i}`,
    title: isBad(i) ? "refused" : `Talk ${i}`,
    rating: i % 5,
  }));
  await writeFile(join(directory, "talks.json"), JSON.stringify(talks));
  return directory;
}

test.for([1, 3, 10])(
  "a constraint that no rule foresees quarantines exactly the %i rows that violate it, in few statements",
  async (bad) => {
    const count = 4096;
    const places = new Set(Array.from({ length: bad }, (_, i) => Math.floor(((i + 0.5) * count) / bad)));
    const directory = await writeTalks(count, (i) => places.has(i));
    const client = await connectAs(await makeDatabase());
    await client.query("alter table lightningtalk.talks add constraint no_refused check (title <> 'refused')");
    const statements = countStatements(client);
    expect(await load(client, directory, "talks", 4 << 20)).toMatchObject({
      documents: count - bad,
      quarantined: bad,
      complete: true,
    });
    // Halving finds a row in log2(count) levels of two halves, each with at most eight statements; the load has some of its own.
    expect(statements.count).toBeLessThanOrEqual(bad * 2 * Math.log2(count) * 8 + 40);
    const { rows } = await client.query(
      "select position::int, sqlstate, reason, document from ops.quarantine order by position",
    );
    expect(rows).toEqual(
      [...places].map((position) => ({
        position,
        sqlstate: "23514",
        reason: expect.stringContaining("no_refused"),
        document: `{"id":"talk-${position}","title":"refused","rating":${position % 5}}`,
      })),
    );
    expect((await client.query("select from lightningtalk.talks where title = 'refused'")).rowCount).toBe(0);
  },
);

test("repeated ids, orphans and repeated registrations cost no statement each", async () => {
  const counts: number[] = [];
  for (const damaged of [10, 1000]) {
    const directory = await makeTempDirectory();
    const participants = Array.from({ length: 3000 }, (_, i) => ({
      id: `p-${i < damaged ? i >> 1 : i}`,
      eventId: i < damaged ? `gone-${i}` : null,
      email: "a@example.org",
    }));
    await writeFile(join(directory, "participants.json"), JSON.stringify(participants));
    const client = await connectAs(await makeDatabase());
    const statements = countStatements(client);
    expect(await load(client, directory, "participants", 4 << 20)).toMatchObject({
      documents: 3000 - damaged / 2,
      quarantined: damaged / 2,
      orphans: damaged / 2,
    });
    counts.push(statements.count);
  }
  expect(counts[0]).toBe(counts[1]);
});

test("a settings document of which the database refuses one key is quarantined whole", async () => {
  const directory = await makeTempDirectory();
  await writeFile(join(directory, "settings.json"), `[{"first": 1, "second": 2, "third": 3}]`);
  const refusals: Record<string, string> = {
    "23505": "insert into lightningtalk.settings (key, value) values ('second', '0')",
    "23514": "alter table lightningtalk.settings add constraint no_third check (key <> 'third')",
  };
  for (const [sqlstate, statement] of Object.entries(refusals)) {
    const client = await connectAs(await makeDatabase());
    await client.query(statement);
    expect(await load(client, directory, "settings")).toMatchObject({
      elements: 1,
      documents: 0,
      quarantined: 1,
      complete: true,
    });
    const { rows } = await client.query("select position::int, sqlstate, document from ops.quarantine");
    expect(rows).toEqual([{ position: 0, sqlstate, document: `{"first": 1, "second": 2, "third": 3}` }]);
    expect((await client.query("select from lightningtalk.settings where key in ('first', 'third')")).rowCount).toBe(0);
  }
});

test("a repeated registration is counted once, whether its batch was classified by itself or the whole table was", async () => {
  const directory = await makeTempDirectory();
  const participants = Array.from({ length: 2000 }, (_, i) => ({
    id: `p-${i}`,
    eventId: "e",
    email: `${i}@example.org`,
    message: "x".repeat(100),
  }));
  for (const i of [10, 20, 1500, 1900]) participants[i]!.email = "0@example.org";
  participants[5]!.id = "p-4";
  await writeFile(join(directory, "participants.json"), JSON.stringify(participants));
  const client = await connectAs(await makeDatabase());
  await client.query("insert into lightningtalk.events (id) values ('e')");
  expect(await load(client, directory, "participants")).toMatchObject({
    documents: 1999,
    quarantined: 1,
    duplicates: 4,
    orphans: 0,
  });
  const { rows } = await client.query(
    "select id from lightningtalk.participants where duplicate_of = 'p-0' order by position",
  );
  expect(rows).toEqual([{ id: "p-10" }, { id: "p-20" }, { id: "p-1500" }, { id: "p-1900" }]);
});

test.for(["talks", "users"])("a load of %s that another run has overtaken stops and leaves no trace", async (name) => {
  const directory = await makeTempDirectory();
  const documents = Array.from({ length: 1000 }, (_, i) => ({ id: `id-${i}`, title: "x".repeat(100) }));
  await writeFile(join(directory, `${name}.json`), JSON.stringify(documents));
  const url = await makeDatabase();
  const [slow, fast] = [await connectAs(url), await connectAs(url)];
  const collection = collectionNamed(name);
  const source = await fingerprintFile(join(directory, `${name}.json`));
  const signal = new AbortController().signal;
  const begin = (progress: LoadProgress) => {
    const options = {
      collection,
      directory,
      source,
      progress,
      batchBytes: 16 << 10,
      signal,
      onProgress: () => undefined,
    };
    return { options, segments: encodeFiles([encoderTask(options)]) };
  };

  const first = begin(emptyProgress(name, source));
  let winner: LoadProgress | undefined;
  const overtaken = async function* () {
    let batches = 0;
    for await (const encoded of first.segments.next()) {
      if ((batches += 1) === 3) {
        const second = begin((await readProgress(fast)).get(name)!);
        winner = await loadCollection({ ...second.options, client: fast, batches: second.segments.next() });
        await second.segments[Symbol.asyncDispose]();
      }
      yield encoded;
    }
  };
  await expect(loadCollection({ ...first.options, client: slow, batches: overtaken() })).rejects.toMatchObject({
    code: "progress-moved",
  });
  await first.segments[Symbol.asyncDispose]();
  expect(winner).toMatchObject({ documents: 1000, complete: true });
  expect((await readProgress(fast)).get(name)).toMatchObject({
    elements: 1000,
    documents: 1000,
    quarantined: 0,
    complete: true,
  });
  expect((await fast.query("select from ops.quarantine")).rowCount).toBe(0);
  expect((await fast.query(`select from ${collection.table}`)).rowCount).toBe(1000);
});
