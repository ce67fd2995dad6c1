import { expect, test } from "vitest";
import { executeMigration } from "../../ops/migration/execute.ts";
import type { Finding } from "../../ops/migration/prepare/finding.ts";
import { prepareMigration } from "../../ops/migration/prepare/prepare.ts";
import type { PrepareResult } from "../../ops/migration/prepare/prepare.ts";
import { makeDataDirectory } from "../backup/data-directory.ts";
import { useDatabase } from "../support/test-database.ts";
import { silentReporter } from "./support/silent-reporter.ts";

const database = useDatabase();

const event = (id: unknown, more: object = {}) => ({
  id,
  title: "Tea and talks",
  date: "2027-03-01T10:00:00.000Z",
  ...more,
});
const person = (id: unknown, more: object = {}) => ({ id, name: "Ren Ueda", eventId: "e-1", ...more });

/** Elements spelled by hand, because JSON.stringify would not write them like this. */
function array(...elements: (string | object | null | number)[]): string {
  return `[\n${elements.map((element) => (typeof element === "string" ? element : JSON.stringify(element))).join(",\n")}\n]`;
}

const deep = `${"[".repeat(1001)}1${"]".repeat(1001)}`;

const nasty = {
  "events.json": array(
    event("e-1", { date: "2027-03-01T19:00:00+09:00", maxTalks: "20", venue: { name: "Hall", capacity: -0 } }),
    event("e-2", {
      date: "2027-03-01",
      endDate: "2027/3/1 10:00",
      statusChangedAt: "来週の金曜",
      cancelledAt: 1800000000000,
    }),
    event("e-1", { title: "the same id again" }),
    event(42),
    event(""),
    event("nul \0 in id"),
    event("x".repeat(901)),
    { title: "no id" },
    "null",
    "17",
    '"text"',
    "[1]",
    `{"id":"e-deep","venue":${deep}}`,
    '{"id":"e-3","title":"first","title":"second","venue":{"a/b":[{"k":1,"k~":2,"k":3}]}}',
    '{"id":"e-4","venue":{"big":12345678901234567890,"tiny":1e-999,"minus":-0,"Name":1,"name":2}}',
    event("e-5", { _comment: "a note", Title: "also by case" }),
    event("e-6", { title: null, endDate: null, talkDuration: 3e9, registrationOpen: ["yes"], description: { a: 1 } }),
  ),
  "participants.json": array(
    person("p-1", { email: "mika@example.com", isSpeaker: true }),
    person("p-2", { email: "MIKA@example.com" }),
    person("p-3", { email: "mika@example.com", eventId: "e-2" }),
    person("p-4", { email: "mika@example.com", eventId: "gone" }),
    person("p-5", { email: "mika@example.com", eventId: "gone" }),
    person("p-6", { email: "Σ@例え.jp" }),
    person("p-7", { email: "σ@例え.jp" }),
    person("p-8", { email: "\u0130x@example.com" }),
    person("p-9", { email: "ix@example.com" }),
    person("p-10", { email: ["a@example.com"], newsletter: "true", message: "half \ud83d of it" }),
    person("p-11", { email: `${"y".repeat(900)}@example.com`, eventId: "x".repeat(901) }),
    person("p-12", { eventId: "", "key \0": 1, password: { hash: "never shown" } }),
    person("p-1", { email: "mika@example.com" }),
    { id: "p-13", eventId: null, email: null },
    person("p-14", { email: "mika@example.com" }),
    person("p-15", { eventId: "e-3", email: "" }),
    person("p-16", { eventId: "e-3", email: "" }),
  ),
  "talks.json": array(
    '{"id":"t-1","eventId":"gone","speakerId":"gone too","averageRating":"4.50","rating":1e400}',
    { id: "t-2", eventId: "e-1", speakerId: "p-1", duration: 5.5 },
    { id: "t-3", eventId: "e-deep", speakerId: "p-2" },
  ),
  "settings.json": array({ siteName: "Talks", [`k${"e".repeat(901)}`]: 1 }, {}, "5"),
  "analytics.json": array({ id: "a-1", eventId: "gone", date: "Mon Mar 01 2027" }, { id: "a-1" }),
  "users.json": array({ id: "u-1", passwordHash: "$2b$10$secret", cognitoId: "\ud800" }, { id: "u-1" }, "true", {
    id: ["u"],
  }),
};

const signal = new AbortController().signal;

async function prepare(contents: Record<string, unknown>, url = database.url): Promise<PrepareResult> {
  const dataDirectory = await makeDataDirectory(contents);
  const config = { databaseUrl: url, ltHome: "/nonexistent" };
  return await prepareMigration({ config, dataDirectory, url, reporter: silentReporter, signal, dryRun: false });
}

function findings(result: PrepareResult, kind: Finding["kind"], collection: string): string[] {
  const group = result.findings.find((found) => found.kind === kind && found.collection === collection);
  return group?.samples.map(({ index, pointer, message }) => `${index} ${pointer}: ${message}`) ?? [];
}

test("foretells exactly what execute will quarantine, keep as orphans and keep as duplicates", async () => {
  const dataDirectory = await makeDataDirectory(nasty);
  const { url } = database;
  const config = { databaseUrl: url, ltHome: "/nonexistent" };
  const prepared = await prepareMigration({
    config,
    dataDirectory,
    url,
    reporter: silentReporter,
    signal,
    dryRun: false,
  });
  const options = { url, dataDirectory, replace: false, reporter: silentReporter, signal };
  await expect(executeMigration({ ...options, acceptQuarantined: prepared.quarantined - 1 })).rejects.toMatchObject({
    code: "quarantined",
  });
  const executed = await executeMigration({ ...options, acceptQuarantined: prepared.quarantined });
  const foretold = prepared.files.map(({ collection, expected: { documents, quarantined, orphans, duplicates } }) => {
    return { collection, documents: documents - quarantined, quarantined, orphans, duplicates };
  });
  const done = executed.outcomes.map(({ progress: { collection, documents, quarantined, orphans, duplicates } }) => {
    return { collection, documents, quarantined, orphans, duplicates };
  });
  expect(foretold).toEqual(done);
  expect(prepared).toMatchObject({ quarantined: 19, acceptFlag: "--accept-quarantined 19", orphans: 5, duplicates: 5 });
  expect(prepared.nextCommand).toBe("npx zx ops/migrate.mjs execute --accept-quarantined 19");
});

test("lists what goes to quarantine with its place and reason", async () => {
  const result = await prepare(nasty);
  expect(findings(result, "duplicate-id", "events")).toEqual(['2 /id: repeats the id "e-1" of element 0']);
  expect(findings(result, "unusable-id", "events")).toEqual([
    "3 /id: has an id that is not a string (42)",
    "4 /id: has an empty id",
    "5 /id: has an id with NUL or a lone surrogate",
    "6 /id: has an id of 901 bytes",
    "7 : has no id",
  ]);
  expect(findings(result, "not-an-object", "events")).toHaveLength(4);
  expect(findings(result, "too-deep", "events")).toEqual(["12 : is nested deeper than 1000 levels"]);
  expect(findings(result, "extra-settings-element", "settings").map((text) => text.split(" ")[0])).toEqual(["1", "2"]);
  expect(findings(result, "unusable-settings-key", "settings")).toEqual(["0 : has a key of 902 bytes"]);
  expect(findings(result, "duplicate-id", "users")).toEqual(['1 /id: repeats the id "u-1" of element 0']);
});

test("lists orphans and repeated registrations with the element that came first", async () => {
  const result = await prepare(nasty);
  expect(findings(result, "orphan", "talks")).toEqual([
    '0 /eventId: names "gone", which is not in events',
    '0 /speakerId: names "gone too", which is not in participants',
    '2 /eventId: names "e-deep", which is not in events',
  ]);
  expect(findings(result, "orphan", "participants").map((text) => text.split(" ")[0])).toEqual(["3", "4", "11"]);
  expect(findings(result, "orphan", "analytics")).toEqual([]);
  expect(
    findings(result, "duplicate-registration", "participants").map((text) => text.replace(/ registers.*element/, "")),
  ).toEqual(["1 /email: 0", "6 /email: 5", "8 /email: 7", "14 /email: 0", "16 /email: 15"]);
});

test("calls values by name that do not fit their column", async () => {
  const result = await prepare(nasty);
  expect(findings(result, "time-without-zone", "events").map((text) => text.split(",")[0])).toEqual([
    '1 /date: is "2027-03-01"',
    '1 /endDate: is "2027/3/1 10:00"',
  ]);
  expect(findings(result, "not-a-time", "events")).toEqual([
    '1 /statusChangedAt: is "来週の金曜", which is no time: the column stays empty',
  ]);
  expect(findings(result, "respelled-time", "events")).toEqual([
    expect.stringContaining('0 /date: is spelled "2027-03-01T19:00:00+09:00"'),
  ]);
  expect(findings(result, "null-value", "events").map((text) => text.split(":")[0])).toEqual([
    "16 /title",
    "16 /endDate",
  ]);
  expect(findings(result, "type-mismatch", "events")).toEqual([
    '0 /maxTalks: is a string ("20") where a whole number of 32 bits is expected: the column holds 20',
    "1 /cancelledAt: is a number (1800000000000) where a time is expected: the column stays empty",
    "16 /talkDuration: is a number (3000000000) where a whole number of 32 bits is expected: the column stays empty",
    '16 /registrationOpen: is an array (["yes"]) where true or false is expected: the column stays empty',
    '16 /description: is an object ({"a":1}) where a string is expected: the column stays empty',
  ]);
  expect(findings(result, "too-long-for-index", "participants").map((text) => text.split(",")[0])).toEqual([
    "10 /eventId: has 901 bytes",
    "10 /email: has 912 bytes",
  ]);
});

test("finds odd texts, numbers and keys at any depth", async () => {
  const result = await prepare(nasty);
  expect(findings(result, "unstorable-text", "participants")).toEqual([
    "9 /message: holds half of a surrogate pair",
    "11 /key \0: has a NUL character in its name",
  ]);
  expect(findings(result, "unstorable-text", "users")).toEqual(["0 /cognitoId: holds half of a surrogate pair"]);
  expect(findings(result, "inexact-number", "events").map((text) => text.split(",")[0])).toEqual([
    "14 /venue/big: is 12345678901234567890",
    "14 /venue/tiny: is 1e-999",
    "14 /venue/minus: is minus zero",
  ]);
  expect(findings(result, "inexact-number", "talks")).toHaveLength(1);
  expect(findings(result, "repeated-key", "events").map((text) => text.split(":")[0])).toEqual([
    "13 /title",
    "13 /venue/a~1b/0/k",
  ]);
  expect(findings(result, "similar-keys", "events")).toEqual([
    '14 /venue: has the keys "Name" and "name"',
    '15 : has the keys "title" and "Title"',
  ]);
  expect(findings(result, "unknown-field", "events")).toEqual([
    '15 /_comment: has no column; the first value is "a note"',
    '15 /Title: has no column, and differs only by case from title; the first value is "also by case"',
  ]);
});

test("shows no secret in any finding", async () => {
  const result = await prepare({
    ...nasty,
    "participants.json": [
      person("p-1", { password: "hunter22", apiToken: { value: "hunter33" }, nested: { passwordHash: "hunter44" } }),
    ],
  });
  expect(findings(result, "unknown-field", "participants")).toHaveLength(3);
  expect(JSON.stringify(result)).not.toMatch(/hunter|\$2b\$10|never shown/);
});

test("counts all findings and keeps few samples", async () => {
  const participants = Array.from({ length: 5000 }, (_, i) =>
    person(`p-${i}`, { eventId: "gone", extra: i, [`field ${i}`]: 1 }),
  );
  const result = await prepare({ "participants.json": participants });
  const byKind = new Map(result.findings.map((group) => [group.kind, group]));
  expect(byKind.get("orphan")).toMatchObject({ count: 5000 });
  expect(byKind.get("orphan")!.samples).toHaveLength(20);
  expect(byKind.get("unknown-field")).toMatchObject({ count: 10_000, fields: { extra: 5000 } });
  expect(Object.keys(byKind.get("unknown-field")!.fields)).toHaveLength(200);
});

test("has nothing to say about documents as the application writes them", async () => {
  const result = await prepare({
    "events.json": [event("e-1", { maxTalks: 20, registrationOpen: true, venue: { name: "Hall" } })],
    "participants.json": [
      person("p-1", { email: "ren@example.com", newsletter: false, createdAt: "2027-01-01T00:00:00.000Z" }),
    ],
    "settings.json": [{ siteName: "Talks" }],
  });
  expect(result.findings).toEqual([]);
  expect(result).toMatchObject({
    quarantined: 0,
    acceptFlag: undefined,
    nextCommand: expect.stringMatching(/migrate\.mjs execute/),
  });
});
