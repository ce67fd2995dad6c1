import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Client } from "pg";
import { connect } from "../../ops/postgres/connection.ts";
import { useDatabase } from "../support/test-database.ts";

const database = useDatabase();
let client: Client;
beforeAll(async () => {
  client = await connect(database.url);
});
afterAll(() => client?.end());
beforeEach(() =>
  client.query(`truncate lightningtalk.events, lightningtalk.participants, lightningtalk.talks, lightningtalk.analytics,
    lightningtalk.settings, lightningtalk.documents, ops.tombstones restart identity`),
);

async function remove(collection: string | null, id: string | null): Promise<Record<string, unknown> | null> {
  const { rows } = await client.query("select lightningtalk.delete_document($1, $2) as deleted", [collection, id]);
  return rows[0].deleted;
}

async function tombstones(): Promise<unknown[]> {
  const { rows } = await client.query(`select collection, id from ops.tombstones order by collection, id`);
  return rows;
}

async function participants(): Promise<unknown[]> {
  const { rows } = await client.query("select id, event_id, duplicate_of, remainder from lightningtalk.participants order by position");
  return rows;
}

async function register(id: string, email: string, duplicateOf: string | null = null): Promise<void> {
  const sql = "insert into lightningtalk.participants (id, event_id, email, duplicate_of) values ($1, 'e1', $2, $3)";
  await client.query(sql, [id, email, duplicateOf]);
}

describe("any document", () => {
  test.each([
    ["events", "insert into lightningtalk.events (id, title) values ('x', 'kept')"],
    ["participants", "insert into lightningtalk.participants (id, name) values ('x', 'kept')"],
    ["talks", "insert into lightningtalk.talks (id, title) values ('x', 'kept')"],
    ["analytics", "insert into lightningtalk.analytics (id, action) values ('x', 'kept')"],
    ["settings", `insert into lightningtalk.settings (key, value) values ('x', '"kept"')`],
    ["users", `insert into lightningtalk.documents (collection, id, document) values ('users', 'x', '{"name": "kept"}')`],
    ["documents", `insert into lightningtalk.documents (collection, id, document) values ('documents', 'x', '{"name": "kept"}')`],
  ])("of %s leaves its table, is returned and stands in the tombstones", async (collection, insert) => {
    await client.query(insert);
    const deleted = await remove(collection, "x");
    expect(JSON.stringify(deleted)).toContain("kept");
    const { rows } = await client.query("select collection, id, row, deleted_by = session_user as by_login from ops.tombstones");
    expect(rows).toEqual([{ collection, id: "x", row: deleted, by_login: true }]);
    expect(await remove(collection, "x")).toBeNull();
  });

  test("that does not exist changes nothing and is null", async () => {
    expect(await remove("events", "nowhere")).toBeNull();
    expect(await remove("no_such_collection", "nowhere")).toBeNull();
    expect(await tombstones()).toEqual([]);
  });

  test("is refused when collection or id is null, and the error says which", async () => {
    await expect(remove(null, "x")).rejects.toThrow("delete_document needs a collection and an id, not null and 'x'");
    await expect(remove("events", null)).rejects.toThrow("not 'events' and null");
  });

  test("can be created again under its id and deleted a second time, the tombstone then holds the second", async () => {
    for (const title of ["first", "second"]) {
      await client.query("insert into lightningtalk.events (id, title) values ('x', $1)", [title]);
      await remove("events", "x");
    }
    const { rows } = await client.query("select row ->> 'title' as title from ops.tombstones");
    expect(rows).toEqual([{ title: "second" }]);
  });

  test("of one generic collection leaves the same id of another alone", async () => {
    await client.query(`insert into lightningtalk.documents (collection, id, document) values ('users', 'x', '{}'), ('talk_tags', 'x', '{}')`);
    await remove("users", "x");
    const { rows } = await client.query("select collection from lightningtalk.documents");
    expect(rows).toEqual([{ collection: "talk_tags" }]);
  });

  test("keeps its times in UTC, whatever the session's zone is", async () => {
    await client.query("insert into lightningtalk.events (id, date) values ('x', '2026-07-30T10:00:00.123Z')");
    await client.query("set timezone = 'Asia/Tokyo'");
    const deleted = await remove("events", "x");
    await client.query("set timezone = 'UTC'");
    expect(deleted).toMatchObject({ date: "2026-07-30T10:00:00.123+00:00" });
  });
});

describe("a deleted event", () => {
  beforeEach(() => client.query("insert into lightningtalk.events (id) values ('e1'), ('e2')"));

  test("leaves its participants and talks as orphans that still say where they belonged", async () => {
    await client.query(`insert into lightningtalk.participants (id, event_id, remainder) values ('p1', 'e1', '{"x": 1}'), ('p2', 'e2', '{}')`);
    await client.query("insert into lightningtalk.talks (id, event_id, speaker_id) values ('t1', 'e1', 'p1'), ('t2', 'e2', 'p2')");
    await remove("events", "e1");
    expect(await participants()).toEqual([
      { id: "p1", event_id: null, duplicate_of: null, remainder: { x: 1, eventId: "e1" } },
      { id: "p2", event_id: "e2", duplicate_of: null, remainder: {} },
    ]);
    const { rows } = await client.query("select id, event_id, speaker_id, remainder from lightningtalk.talks order by id");
    expect(rows).toEqual([
      { id: "t1", event_id: null, speaker_id: "p1", remainder: { eventId: "e1" } },
      { id: "t2", event_id: "e2", speaker_id: "p2", remainder: {} },
    ]);
  });

  test("leaves the value that a participant's document itself has in its remainder", async () => {
    await client.query(`insert into lightningtalk.participants (id, event_id, remainder) values ('p1', 'e1', '{"eventId": ["e1"]}')`);
    await remove("events", "e1");
    expect(await participants()).toEqual([{ id: "p1", event_id: null, duplicate_of: null, remainder: { eventId: ["e1"] } }]);
  });

  test("leaves its analytics as they are", async () => {
    await client.query("insert into lightningtalk.analytics (id, event_id) values ('a1', 'e1')");
    await remove("events", "e1");
    const { rows } = await client.query("select event_id, remainder from lightningtalk.analytics");
    expect(rows).toEqual([{ event_id: "e1", remainder: {} }]);
  });

  test("makes duplicate registrations plain orphans", async () => {
    await register("p1", "a@example.com");
    await register("p2", "A@example.com", "p1");
    await remove("events", "e1");
    expect(await participants()).toMatchObject([
      { id: "p1", event_id: null, duplicate_of: null },
      { id: "p2", event_id: null, duplicate_of: null },
    ]);
  });

  test("leaves the law of the remainder in force for the rest of the transaction", async () => {
    await client.query(`insert into lightningtalk.participants (id, event_id, name, remainder) values ('p1', 'e1', 'n', '{"name": 1}')`);
    await client.query("begin");
    await remove("events", "e1");
    await client.query("update lightningtalk.participants set name = 'changed'");
    await client.query("commit");
    expect(await participants()).toMatchObject([{ remainder: { eventId: "e1" } }]);
  });
});

describe("a deleted participant", () => {
  beforeEach(() => client.query("insert into lightningtalk.events (id) values ('e1')"));

  test("leaves its talks as orphans that still name the speaker", async () => {
    await register("p1", "a@example.com");
    await client.query("insert into lightningtalk.talks (id, speaker_id) values ('t1', 'p1')");
    await remove("participants", "p1");
    const { rows } = await client.query("select speaker_id, remainder from lightningtalk.talks");
    expect(rows).toEqual([{ speaker_id: null, remainder: { speakerId: "p1" } }]);
  });

  test("hands its registration to the next duplicate by position, and the others become duplicates of that", async () => {
    await register("p1", "a@example.com");
    await register("p2", "A@example.com", "p1");
    await register("p3", "a@EXAMPLE.com", "p1");
    await register("p4", "b@example.com");
    // Positions decide, not ids: p3 comes before p2.
    await client.query("update lightningtalk.participants set position = 100 where id = 'p2'");
    expect(await remove("participants", "p1")).toMatchObject({ id: "p1", duplicate_of: null });
    expect(await participants()).toMatchObject([
      { id: "p3", duplicate_of: null },
      { id: "p4", duplicate_of: null },
      { id: "p2", duplicate_of: "p3" },
    ]);
    await remove("participants", "p3");
    expect(await participants()).toMatchObject([
      { id: "p4", duplicate_of: null },
      { id: "p2", duplicate_of: null },
    ]);
  });

  test("that is a duplicate itself leaves the first registration alone", async () => {
    await register("p1", "a@example.com");
    await register("p2", "a@example.com", "p1");
    await remove("participants", "p2");
    expect(await participants()).toMatchObject([{ id: "p1", duplicate_of: null }]);
  });

  test("frees each duplicate whose address has changed since, and finds another one's registration where it is taken", async () => {
    await register("p1", "a@example.com");
    await register("p2", "a@example.com", "p1");
    await register("p3", "a@example.com", "p1");
    await register("p4", "c@example.com");
    await client.query("update lightningtalk.participants set email = 'b@example.com' where id = 'p2'");
    await client.query("update lightningtalk.participants set email = 'C@example.com' where id = 'p3'");
    await remove("participants", "p1");
    expect(await participants()).toMatchObject([
      { id: "p2", duplicate_of: null },
      { id: "p3", duplicate_of: "p4" },
      { id: "p4", duplicate_of: null },
    ]);
  });

  test("makes room for the same registration again", async () => {
    await register("p1", "a@example.com");
    await expect(register("p2", "A@example.com")).rejects.toMatchObject({ code: "23505" });
    await remove("participants", "p1");
    await register("p2", "A@example.com");
    expect(await participants()).toMatchObject([{ id: "p2" }]);
  });
});
