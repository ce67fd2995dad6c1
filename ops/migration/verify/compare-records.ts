/**
 * Compares two streams of records as sets, in both directions, in bounded memory.
 *
 * 1. Both streams come in the order of their stores, so equal stores show the same record at the same ordinal: those are
 *    settled at once.
 * 2. What does not agree at its ordinal is spilled to disk, partitioned by key, so that the two records of one document
 *    meet in one partition whatever their distance.
 * 3. Each partition is settled in memory: same key and hash, equal; same key alone, different; the rest is missing or extra.
 * 4. Equal records at other ordinals have moved, unless missing and extra records before them explain the distance.
 */

import { keyBytes, recordBytes } from "./record-chunk.ts";
import type { RecordChunk } from "./record-chunk.ts";
import { Spill } from "./spill.ts";
import type { SpilledRecord } from "./spill.ts";

export const differenceClasses = ["missing", "extra", "different", "moved"] as const;
export type DifferenceClass = (typeof differenceClasses)[number];

/** One difference; `file` is an element's index, `database` a row's position. */
export interface RecordDifference {
  class: DifferenceClass;
  file?: number;
  database?: number;
}

export interface Comparison {
  fileRecords: number;
  databaseRecords: number;
  counts: Record<DifferenceClass, number>;
  /** The first differences of each class. */
  samples: RecordDifference[];
}

export interface CompareOptions {
  /** Where spilled records go: an existing directory that nobody else reads. */
  directory: string;
  /** Most samples of each class. */
  maximumSamples: number;
  onRecords?: (count: number) => void;
}

/** Runs the comparison; see above. */
export async function compareRecords(
  file: AsyncIterable<RecordChunk>,
  database: AsyncIterable<RecordChunk>,
  options: CompareOptions,
): Promise<Comparison> {
  await using spill = new Spill(options.directory);
  const fileSide = new RecordCursor(file);
  const databaseSide = new RecordCursor(database);
  for (;;) {
    const [hasFile, hasDatabase] = await Promise.all([fileSide.fill(), databaseSide.fill()]);
    if (!hasFile && !hasDatabase) break;
    const before = fileSide.ordinal;
    await compareAligned(fileSide, databaseSide, spill);
    options.onRecords?.(fileSide.ordinal - before);
  }
  const differences = new DifferenceList(options.maximumSamples);
  await settlePartitions(spill, differences);
  return {
    fileRecords: fileSide.ordinal,
    databaseRecords: databaseSide.ordinal,
    counts: differences.counts,
    samples: differences.samples,
  };
}

/** Walks a stream of chunks record by record. */
class RecordCursor {
  /** Ordinal in the stream of the record at `at`. */
  ordinal = 0;
  at = 0;
  chunk: RecordChunk | undefined;
  bytes = Buffer.alloc(0);
  readonly #chunks: AsyncIterator<RecordChunk>;

  constructor(chunks: AsyncIterable<RecordChunk>) {
    this.#chunks = chunks[Symbol.asyncIterator]();
  }

  /** Makes sure that a record is at hand; false at the end of the stream. */
  async fill(): Promise<boolean> {
    while (this.at === this.left) {
      const next = await this.#chunks.next();
      if (next.done === true) return false;
      this.chunk = next.value;
      this.bytes = Buffer.from(next.value.records.buffer);
      this.at = 0;
    }
    return true;
  }

  /** Records in the current chunk. */
  get left(): number {
    return this.chunk?.count ?? 0;
  }

  get available(): number {
    return this.left - this.at;
  }

  advance(count: number): void {
    this.at += count;
    this.ordinal += count;
  }
}

/** Settles what both cursors have at hand; spills what disagrees. */
async function compareAligned(file: RecordCursor, database: RecordCursor, spill: Spill): Promise<void> {
  const count = file.available === 0 || database.available === 0 ? 0 : Math.min(file.available, database.available);
  if (count > 0 && !sameRecords(file, database, count)) {
    for (let i = 0; i < count; i += 1) {
      if (sameRecord(file, database, i)) continue;
      spillRecord(spill, "file", file, i);
      spillRecord(spill, "database", database, i);
    }
  }
  file.advance(count);
  database.advance(count);
  if (count === 0) {
    spillRest(spill, "file", file);
    spillRest(spill, "database", database);
  }
  await spill.flush();
}

function sameRecords(file: RecordCursor, database: RecordCursor, count: number): boolean {
  const [from, other] = [file.at * recordBytes, database.at * recordBytes];
  const length = count * recordBytes;
  return file.bytes.compare(database.bytes, other, other + length, from, from + length) === 0;
}

function sameRecord(file: RecordCursor, database: RecordCursor, i: number): boolean {
  const [from, other] = [(file.at + i) * recordBytes, (database.at + i) * recordBytes];
  return file.bytes.compare(database.bytes, other, other + recordBytes, from, from + recordBytes) === 0;
}

function spillRecord(spill: Spill, side: "file" | "database", cursor: RecordCursor, i: number): void {
  const start = (cursor.at + i) * recordBytes;
  spill.add(side, cursor.bytes, start, cursor.ordinal + i, cursor.chunk!.locators[cursor.at + i]!);
}

/** One stream has ended: everything that is left of the other has no counterpart at its ordinal. */
function spillRest(spill: Spill, side: "file" | "database", cursor: RecordCursor): void {
  for (let i = 0; i < cursor.available; i += 1) spillRecord(spill, side, cursor, i);
  cursor.advance(cursor.available);
}

class DifferenceList {
  readonly counts: Record<DifferenceClass, number> = { missing: 0, extra: 0, different: 0, moved: 0 };
  readonly samples: RecordDifference[] = [];
  readonly #maximum: number;

  constructor(maximum: number) {
    this.#maximum = maximum;
  }

  add(difference: RecordDifference): void {
    this.counts[difference.class] += 1;
    if (this.counts[difference.class] <= this.#maximum) this.samples.push(difference);
  }
}

interface Settled {
  /** Records equal on both sides, though not at the same ordinal. */
  equal: [SpilledRecord, SpilledRecord][];
  different: [SpilledRecord, SpilledRecord][];
  missing: SpilledRecord[];
  extra: SpilledRecord[];
}

async function settlePartitions(spill: Spill, differences: DifferenceList): Promise<void> {
  const missing: number[] = [];
  const extra: number[] = [];
  for await (const { file, database } of spill.partitions()) {
    const settled = settle(file, database);
    for (const [a, b] of settled.different)
      differences.add({ class: "different", file: a.locator, database: b.locator });
    for (const record of settled.missing) differences.add({ class: "missing", file: record.locator });
    for (const record of settled.extra) differences.add({ class: "extra", database: record.locator });
    for (const record of settled.missing) missing.push(record.ordinal);
    for (const record of settled.extra) extra.push(record.ordinal);
  }
  missing.sort((a, b) => a - b);
  extra.sort((a, b) => a - b);
  for await (const { file, database } of spill.partitions()) {
    const settled = settle(file, database);
    for (const [a, b] of [...settled.equal, ...settled.different]) {
      if (a.ordinal - countBelow(missing, a.ordinal) === b.ordinal - countBelow(extra, b.ordinal)) continue;
      differences.add({ class: "moved", file: a.locator, database: b.locator });
    }
  }
}

/** Pairs the records of one partition: by key and hash first, then by key. */
function settle(file: SpilledRecord[], database: SpilledRecord[]): Settled {
  const exact = pair(file, database, (record) => record.content);
  const loose = pair(exact.left, exact.right, (record) => record.content.slice(0, keyBytes));
  return { equal: exact.pairs, different: loose.pairs, missing: loose.left, extra: loose.right };
}

function pair(file: SpilledRecord[], database: SpilledRecord[], by: (record: SpilledRecord) => string) {
  const waiting = Map.groupBy(database, by);
  const pairs: [SpilledRecord, SpilledRecord][] = [];
  const left: SpilledRecord[] = [];
  const taken = new Map<string, number>();
  for (const record of file) {
    const key = by(record);
    const used = taken.get(key) ?? 0;
    const partner = waiting.get(key)?.[used];
    if (partner === undefined) left.push(record);
    else {
      pairs.push([record, partner]);
      taken.set(key, used + 1);
    }
  }
  const right = [...waiting].flatMap(([key, records]) => records.slice(taken.get(key) ?? 0));
  return { pairs, left, right };
}

/** How many of the ascending numbers are below a limit. */
function countBelow(ascending: number[], limit: number): number {
  let low = 0;
  let high = ascending.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (ascending[middle]! < limit) low = middle + 1;
    else high = middle;
  }
  return low;
}
