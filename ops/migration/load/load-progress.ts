/** How far each collection is loaded: rows of ops.load_progress, written with the rows they speak of. */

import type { Client } from "pg";
import { OpsError } from "../../errors.ts";
import { withTransaction } from "../../postgres/transaction.ts";
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

/**
 * Waits for whatever a killed run's session is still committing, then reads all progress rows. The caller's transaction holds
 * writers off until it ends.
 */
export async function readSettledProgress(client: Client): Promise<Map<string, LoadProgress>> {
  return await withTransaction(client, async () => {
    await client.query("lock table ops.load_progress in share row exclusive mode");
    return await readProgress(client);
  });
}

/** Writes the row that a load begins with, unless an earlier run has. */
export async function beginProgress(client: Client, { collection, source }: LoadProgress): Promise<void> {
  await client.query(
    `insert into ops.load_progress
       (collection, file, size, sha256, elements, byte_offset, documents, quarantined, orphans, duplicates)
     values ($1, $2, $3, $4, 0, 0, 0, 0, 0, 0)
     on conflict (collection) do nothing`,
    [collection, source.file, source.size, source.sha256],
  );
}

/**
 * Moves a progress row on; the caller's transaction holds the rows it speaks of.
 *
 * @param previous what the row has to say before
 * @throws OpsError `progress-moved` when it says something else: another run has loaded the same elements meanwhile
 */
export async function advanceProgress(client: Client, previous: LoadProgress, next: LoadProgress): Promise<void> {
  const { rowCount } = await client.query(
    `update ops.load_progress set
       elements = $4, byte_offset = $5, documents = $6, quarantined = $7, orphans = $8, duplicates = $9, updated_at = now(),
       completed_at = case when $10 then now() end
      where collection = $1 and sha256 = $2 and elements = $3 and completed_at is null`,
    [
      previous.collection,
      previous.source.sha256,
      previous.elements,
      next.elements,
      next.byteOffset,
      next.documents,
      next.quarantined,
      next.orphans,
      next.duplicates,
      next.complete,
    ],
  );
  if (rowCount === 1) return;
  throw new OpsError(
    "progress-moved",
    `Another run has changed how far ${previous.collection} is loaded; this one stops at element ${previous.elements}.`,
    {
      hint: "Make sure that no other run is under way, then go on with: npx zx ops/migrate.mjs execute",
      details: { collection: previous.collection, elements: previous.elements },
    },
  );
}

/**
 * Records that a file changed while it was loaded, so that the loaded rows may come from two versions of it: no version
 * matches the row any more, and the next run asks for `--replace`.
 */
export async function distrustProgress(client: Client, collection: string): Promise<void> {
  await client.query("update ops.load_progress set sha256 = $2 where collection = $1", [collection, changedWhileRead]);
}

const changedWhileRead = "changed while it was read";

function fromRow(row: ProgressRow): LoadProgress {
  const { collection, file, size, sha256, elements, documents, quarantined, orphans, duplicates } = row;
  const source = { file, size, sha256 };
  const counts = { elements, byteOffset: row.byte_offset, documents, quarantined, orphans, duplicates };
  return { collection, source, ...counts, complete: row.completed_at !== null };
}
