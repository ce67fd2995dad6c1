/** How far each collection is loaded: rows of ops.load_progress, written with the rows they speak of. */

import type { Client } from "pg";
import type { Fingerprint } from "../fingerprint.ts";

export interface LoadProgress {
  collection: string;
  /** What was being read, so that a run resumes only on the very same bytes. */
  source: Pick<Fingerprint, "file" | "size" | "sha256">;
  /** Elements of the array that are dealt with, and where the last of them ends in the file. */
  elements: number;
  byteOffset: number;
  /** Of these elements: rows written (a document each), and documents in quarantine. */
  documents: number;
  quarantined: number;
  /** Of these documents: references without a target, and repeated registrations. */
  orphans: number;
  duplicates: number;
  complete: boolean;
}

/** The state before the first batch. */
export function emptyProgress(collection: string, source: Fingerprint): LoadProgress {
  const { file, size, sha256 } = source;
  const counts = { elements: 0, byteOffset: 0, documents: 0, quarantined: 0, orphans: 0, duplicates: 0 };
  return { collection, source: { file, size, sha256 }, ...counts, complete: false };
}

const selectColumns = `
  collection, file, size::float8 as size, sha256, elements::float8 as elements, byte_offset::float8 as byte_offset,
  documents::float8 as documents, quarantined::float8 as quarantined, orphans::float8 as orphans,
  duplicates::float8 as duplicates, completed_at`;

interface ProgressRow {
  collection: string;
  file: string;
  size: number;
  sha256: string;
  elements: number;
  byte_offset: number;
  documents: number;
  quarantined: number;
  orphans: number;
  duplicates: number;
  completed_at: Date | null;
}

/** Reads all progress rows, by collection. */
export async function readProgress(client: Client): Promise<Map<string, LoadProgress>> {
  const { rows } = await client.query<ProgressRow>(`select ${selectColumns} from ops.load_progress`);
  return new Map(rows.map((row) => [row.collection, fromRow(row)]));
}

/** Writes one progress row; the caller's transaction holds the rows it speaks of. */
export async function writeProgress(client: Client, progress: LoadProgress): Promise<void> {
  await client.query(
    `insert into ops.load_progress as p
       (collection, file, size, sha256, elements, byte_offset, documents, quarantined, orphans, duplicates, completed_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, case when $11 then now() end)
     on conflict (collection) do update set
       file = excluded.file, size = excluded.size, sha256 = excluded.sha256, elements = excluded.elements,
       byte_offset = excluded.byte_offset, documents = excluded.documents, quarantined = excluded.quarantined,
       orphans = excluded.orphans, duplicates = excluded.duplicates, updated_at = now(), completed_at = excluded.completed_at`,
    [
      progress.collection,
      progress.source.file,
      progress.source.size,
      progress.source.sha256,
      progress.elements,
      progress.byteOffset,
      progress.documents,
      progress.quarantined,
      progress.orphans,
      progress.duplicates,
      progress.complete,
    ],
  );
}

function fromRow(row: ProgressRow): LoadProgress {
  const { collection, file, size, sha256, elements, documents, quarantined, orphans, duplicates } = row;
  const source = { file, size, sha256 };
  const counts = { elements, byteOffset: row.byte_offset, documents, quarantined, orphans, duplicates };
  return { collection, source, ...counts, complete: row.completed_at !== null };
}
