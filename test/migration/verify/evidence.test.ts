import { appendFile, mkdtemp, readFile, rm, unlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { evidenceMaxAgeMs, recordEvidence, requireFreshEvidence } from "../../../ops/migration/verify/evidence.ts";
import type { Evidence } from "../../../ops/migration/verify/evidence.ts";
import { stateDirectory } from "../../../ops/state/state-directory.ts";

let data = "";
beforeEach(async () => {
  data = await mkdtemp(join(tmpdir(), "lt-evidence-"));
});
afterEach(() => rm(data, { recursive: true }));

const at = "2026-05-01T10:00:00.000Z";
const now = Date.parse(at) + 1000;
const files = new Map([["events.json", "a".repeat(64)]]);
const good: Evidence = {
  at,
  ok: true,
  database: "1/db",
  schemaHead: "b".repeat(64),
  files: Object.fromEntries(files),
  collections: [],
  checks: [],
};

test("accepts evidence of the same files until it is too old", async () => {
  await recordEvidence(data, good);
  expect(await requireFreshEvidence(data, files, now)).toEqual(good);
  expect(await requireFreshEvidence(data, files, Date.parse(at) + evidenceMaxAgeMs)).toEqual(good);
});

test("refuses without any verification", async () => {
  await expect(requireFreshEvidence(data, files, now)).rejects.toMatchObject({
    code: "no-evidence",
    hint: expect.stringContaining("verify"),
  });
});

test("refuses evidence that is too old, and evidence from the future", async () => {
  await recordEvidence(data, good);
  for (const moment of [Date.parse(at) + evidenceMaxAgeMs + 1, Date.parse(at) - 1]) {
    await expect(requireFreshEvidence(data, files, moment)).rejects.toMatchObject({ code: "stale-evidence" });
  }
});

test("refuses evidence with a time that is none", async () => {
  await recordEvidence(data, { ...good, at: "yesterday" });
  await expect(requireFreshEvidence(data, files, now)).rejects.toMatchObject({ code: "stale-evidence" });
});

test("refuses when a file changed, is new or is gone", async () => {
  await recordEvidence(data, good);
  const changed = new Map([["events.json", "c".repeat(64)]]);
  await expect(requireFreshEvidence(data, changed, now)).rejects.toThrow(
    "events.json is not the file that was verified",
  );
  const more = new Map([...files, ["talks.json", "d".repeat(64)]]);
  await expect(requireFreshEvidence(data, more, now)).rejects.toThrow("talks.json is not the file that was verified");
  await expect(requireFreshEvidence(data, new Map(), now)).rejects.toThrow("events.json was verified");
});

test("refuses a verification that found a difference, also after an older good one", async () => {
  await recordEvidence(data, good);
  await recordEvidence(data, { ...good, at: "2026-05-01T10:00:00.500Z", ok: false });
  await expect(requireFreshEvidence(data, files, now)).rejects.toThrow("the newest verification found differences");
});

test("counts the newest verification, not the best one", async () => {
  await recordEvidence(data, { ...good, ok: false });
  await recordEvidence(data, { ...good, at: "2026-05-01T10:00:00.500Z" });
  expect((await requireFreshEvidence(data, files, now)).ok).toBe(true);
});

test("refuses an evidence file that was edited", async () => {
  const path = await recordEvidence(data, { ...good, ok: false });
  await writeFile(path, (await readFile(path, "utf8")).replace('"ok": false', '"ok": true'));
  await expect(requireFreshEvidence(data, files, now)).rejects.toThrow("was changed after it was written");
});

test("refuses when the evidence file is missing", async () => {
  await unlink(await recordEvidence(data, good));
  await expect(requireFreshEvidence(data, files, now)).rejects.toThrow("is missing");
});

test("refuses when the journal was edited", async () => {
  await recordEvidence(data, good);
  await recordEvidence(data, { ...good, at: "2026-05-01T10:00:00.500Z" });
  const { journal } = stateDirectory(data);
  const text = await readFile(journal, "utf8");
  for (const edited of [
    text.replace('"ok":true', '"ok":false'),
    text.slice(text.indexOf("\n") + 1),
    text.replace('"sequence":1', '"sequence":2'),
  ]) {
    await writeFile(journal, edited);
    await expect(requireFreshEvidence(data, files, now)).rejects.toMatchObject({ code: "journal-broken" });
  }
  await writeFile(journal, text);
  await appendFile(journal, "not JSON\n");
  await expect(requireFreshEvidence(data, files, now)).rejects.toMatchObject({ code: "journal-broken" });
});
