import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { JsonValue } from "../../../ops/json/value.ts";
import { canonicalForm } from "../../../ops/migration/verify/canonical.ts";
import { compareRecords } from "../../../ops/migration/verify/compare-records.ts";
import type { Comparison } from "../../../ops/migration/verify/compare-records.ts";
import { ChunkWriter } from "../../../ops/migration/verify/record-chunk.ts";
import type { RecordChunk } from "../../../ops/migration/verify/record-chunk.ts";
import { parseExact } from "../../../ops/json/value.ts";
import { jsonText } from "../../json/arbitrary-text.ts";
import { findDifference } from "../support/same-json.ts";

let directory = "";
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "lt-records-"));
});
afterAll(() => rm(directory, { recursive: true }));

async function* chunks(documents: Iterable<JsonValue>): AsyncGenerator<RecordChunk> {
  const writer = new ChunkWriter();
  let place = 0;
  for (const document of documents) {
    writer.add(document, place++, false);
    if (writer.full) yield writer.take();
  }
  yield writer.take(true);
}

async function compare(file: Iterable<JsonValue>, database: Iterable<JsonValue>): Promise<Comparison> {
  return await compareRecords(chunks(file), chunks(database), { directory, maximumSamples: 10 });
}

function* numbered(from: number, to: number, version = 0): Generator<JsonValue> {
  for (let i = from; i < to; i += 1) yield { id: `id-${i}`, version, text: `document ${i}` };
}

const equal = { missing: 0, extra: 0, different: 0, moved: 0 };

describe("counts", () => {
  const base = [...numbered(0, 50)];
  const edited = base.with(7, { id: "id-7", version: 1, text: "document 7" });

  test("nothing for equal stores, nor for empty ones", async () => {
    expect((await compare(base, base)).counts).toEqual(equal);
    expect((await compare([], [])).counts).toEqual(equal);
  });

  test("one missing record, wherever it is", async () => {
    for (const at of [0, 25, 49]) {
      const { counts, samples } = await compare(base, base.toSpliced(at, 1));
      expect(counts).toEqual({ ...equal, missing: 1 });
      expect(samples).toEqual([{ class: "missing", file: at }]);
    }
  });

  test("one extra record, wherever it is", async () => {
    for (const at of [0, 25, 50]) {
      const { counts, samples } = await compare(base, base.toSpliced(at, 0, { id: "new" }));
      expect(counts).toEqual({ ...equal, extra: 1 });
      expect(samples).toEqual([{ class: "extra", database: at }]);
    }
  });

  test("one different record", async () => {
    const { counts, samples } = await compare(base, edited);
    expect(counts).toEqual({ ...equal, different: 1 });
    expect(samples).toEqual([{ class: "different", file: 7, database: 7 }]);
  });

  test("two records that changed places as moved, and no others", async () => {
    const { counts } = await compare(base, base.with(3, base[40]!).with(40, base[3]!));
    expect(counts).toEqual({ ...equal, moved: 2 });
  });

  test("a mixture of all classes", async () => {
    const mixed = edited.toSpliced(20, 2).toSpliced(30, 0, { id: "new-1" }, { id: "new-2" }, { id: "new-3" });
    const swapped = mixed.with(44, mixed[46]!).with(46, mixed[44]!);
    expect((await compare(base, swapped)).counts).toEqual({ missing: 2, extra: 3, different: 1, moved: 2 });
  });

  test("a record that changed and moved in both classes", async () => {
    const { counts } = await compare(base, edited.with(7, edited[30]!).with(30, edited[7]!));
    expect(counts).toEqual({ ...equal, different: 1, moved: 2 });
  });

  test("a document repeated on one side only as extra, whether it has an id or not", async () => {
    for (const again of [{ id: "id-3", version: 0, text: "document 3" }, "without id", null]) {
      expect((await compare([...base, again], [...base, again, again])).counts).toEqual({ ...equal, extra: 1 });
    }
  });

  test("an id that slid to another document as different for both", async () => {
    const a = { id: "a", text: "of a" };
    const b = { id: "b", text: "of b" };
    expect(
      (
        await compare(
          [a, b],
          [
            { ...a, id: "b" },
            { ...b, id: "a" },
          ],
        )
      ).counts,
    ).toMatchObject({ missing: 0, extra: 0, different: 2 });
  });
});

test("two random lists get the counts that their multisets have", async () => {
  const record = fc.record({
    id: fc.constantFrom("a", "b", "c", "d", "e", "f", "g"),
    v: fc.integer({ min: 0, max: 1 }),
  });
  const list = fc.uniqueArray(record, { maxLength: 7, selector: ({ id }) => id });
  const check = fc.asyncProperty(list, list, async (file, database) => {
    const { counts } = await compare(file, database);
    const other = new Map(database.map(({ id, v }) => [id, v]));
    expect(counts.missing).toBe(file.filter(({ id }) => !other.has(id)).length);
    expect(counts.extra).toBe(database.length - file.length + counts.missing);
    expect(counts.different).toBe(file.filter(({ id, v }) => other.has(id) && other.get(id) !== v).length);
    const common = (records: typeof file, others: typeof file) =>
      records.map(({ id }) => id).filter((id) => others.some((one) => one.id === id));
    expect(counts.moved > 0).toBe(common(file, database).join() !== common(database, file).join());
  });
  await fc.assert(check, { numRuns: 300 });
});

describe("with every record at another place", () => {
  const count = 50_000;

  test("reports one inserted at the head as one extra, and nothing as moved", async () => {
    const { counts } = await compare(numbered(0, count), numbered(-1, count));
    expect(counts).toEqual({ ...equal, extra: 1 });
  });

  test("reports one dropped at the head as one missing", async () => {
    const { counts } = await compare(numbered(0, count), numbered(1, count));
    expect(counts).toEqual({ ...equal, missing: 1 });
  });

  test("keeps what is spilled on disk, and leaves nothing there", async () => {
    let most = 0;
    const start = process.memoryUsage().arrayBuffers;
    const watch = async function* (documents: Iterable<JsonValue>): AsyncGenerator<RecordChunk> {
      for await (const chunk of chunks(documents)) {
        yield chunk;
        globalThis.gc?.();
        most = Math.max(most, process.memoryUsage().arrayBuffers - start);
      }
    };
    const options = { directory, maximumSamples: 10 };
    const { counts, samples } = await compareRecords(
      watch(numbered(0, 4 * count)),
      watch(numbered(0, 4 * count, 1)),
      options,
    );
    expect(counts).toEqual({ ...equal, different: 4 * count });
    expect(samples).toHaveLength(10);
    // 400,000 records of 56 bytes are 22 MB; in memory are chunks and the buffers of 128 partitions.
    expect(most).toBeLessThan(60_000_000);
    expect(await readdir(directory)).toEqual([]);
  });
});

describe("the canonical form", () => {
  test("is the same exactly for values that are equal as JSON", () => {
    const check = fc.property(jsonText, jsonText, (one, other) => {
      const [a, b] = [parseExact(one), parseExact(other)];
      expect(canonicalForm(a) === canonicalForm(b)).toBe(findDifference(a, b) === undefined);
    });
    fc.assert(check, { numRuns: 2000 });
  });

  test("does not see the order of keys", () => {
    expect(canonicalForm({ b: 1, a: { d: 1, c: 2 } })).toBe(canonicalForm({ a: { c: 2, d: 1 }, b: 1 }));
  });

  /** Pairs that a careless form takes for equal. */
  const pairs: [JsonValue, JsonValue][] = [
    [{ a: null }, {}],
    [
      { a: "b", c: "" },
      { a: "", c: "b" },
    ],
    [
      ["ab", "c"],
      ["a", "bc"],
    ],
    [
      [["a"], "b"],
      ["a", ["b"]],
    ],
    [
      { a: 1, b: 2 },
      { a: 2, b: 1 },
    ],
    ["1", 1],
    ["true", true],
    ["null", null],
    [0, -0],
    [[], {}],
    [[0], { 0: 0 }],
    ["\ud83d", "\ud83e"],
    ["e\u0301", "\u00e9"],
    ["a", "a "],
    [{ "a:1": 1 }, { a: ":11" }],
    ["s1:a", ["a"]],
  ];
  test.each(pairs)("tells %j from %j", (a, b) => {
    expect(canonicalForm(a)).not.toBe(canonicalForm(b));
  });
});
