/** Records set aside on disk, partitioned by key, so that memory does not grow with the number of differences. */

import { mkdtemp, open, readFile, rm } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { join } from "node:path";
import { recordBytes } from "./record-chunk.ts";

export type Side = "file" | "database";

export interface SpilledRecord {
  /** Key and hash, as Latin-1. */
  content: string;
  /** Place in its stream. */
  ordinal: number;
  locator: number;
}

/** Key and hash, then ordinal and locator as doubles. */
const spilledBytes = recordBytes + 16;
/** Enough that a partition of ten million records fits into some tens of megabytes. */
const partitionCount = 64;
const bufferedRecords = 1024;

export class Spill implements AsyncDisposable {
  readonly #parent: string;
  #directory: string | undefined;
  readonly #partitions = new Map<string, Partition>();

  constructor(parent: string) {
    this.#parent = parent;
  }

  /** Sets a record aside; `flush` must be called now and then. */
  add(side: Side, bytes: Buffer, start: number, ordinal: number, locator: number): void {
    const name = `${side}-${bytes[start]! % partitionCount}`;
    let partition = this.#partitions.get(name);
    if (partition === undefined) {
      partition = new Partition();
      this.#partitions.set(name, partition);
    }
    partition.add(bytes, start, ordinal, locator);
  }

  /** Writes full buffers to disk. */
  async flush(): Promise<void> {
    for (const [name, partition] of this.#partitions) {
      if (partition.buffered < bufferedRecords) continue;
      this.#directory ??= await mkdtemp(join(this.#parent, "verify-"));
      await partition.write(join(this.#directory, name));
    }
  }

  /** The records of each partition, both sides. */
  async *partitions(): AsyncGenerator<Record<Side, SpilledRecord[]>> {
    for (let i = 0; i < partitionCount; i += 1) {
      const file = (await this.#partitions.get(`file-${i}`)?.read()) ?? [];
      const database = (await this.#partitions.get(`database-${i}`)?.read()) ?? [];
      if (file.length + database.length > 0) yield { file, database };
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const partition of this.#partitions.values()) await partition.close();
    if (this.#directory !== undefined) await rm(this.#directory, { recursive: true });
  }
}

class Partition {
  #bytes = Buffer.allocUnsafe(spilledBytes * 16);
  buffered = 0;
  #file: FileHandle | undefined;
  #path = "";

  add(bytes: Buffer, start: number, ordinal: number, locator: number): void {
    const at = this.buffered * spilledBytes;
    if (at === this.#bytes.length) {
      const larger = Buffer.allocUnsafe(this.#bytes.length * 2);
      this.#bytes.copy(larger);
      this.#bytes = larger;
    }
    bytes.copy(this.#bytes, at, start, start + recordBytes);
    this.#bytes.writeDoubleLE(ordinal, at + recordBytes);
    this.#bytes.writeDoubleLE(locator, at + recordBytes + 8);
    this.buffered += 1;
  }

  async write(path: string): Promise<void> {
    this.#path = path;
    this.#file ??= await open(path, "a", 0o600);
    await this.#file.appendFile(this.#bytes.subarray(0, this.buffered * spilledBytes));
    this.buffered = 0;
  }

  async read(): Promise<SpilledRecord[]> {
    const written = this.#path === "" ? Buffer.alloc(0) : await readFile(this.#path);
    return [...records(written), ...records(this.#bytes.subarray(0, this.buffered * spilledBytes))];
  }

  async close(): Promise<void> {
    await this.#file?.close();
  }
}

function* records(bytes: Buffer): Generator<SpilledRecord> {
  for (let at = 0; at < bytes.length; at += spilledBytes) {
    yield {
      content: bytes.toString("latin1", at, at + recordBytes),
      ordinal: bytes.readDoubleLE(at + recordBytes),
      locator: bytes.readDoubleLE(at + recordBytes + 8),
    };
  }
}
