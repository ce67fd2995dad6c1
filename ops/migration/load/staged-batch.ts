/**
 * The slow way for a batch that violates a constraint: its rows go to a temporary table without constraints, are
 * classified there by set-based statements, and what can be a row is inserted. The number of round trips does not depend
 * on the number of bad rows, unless a row is bad in a way that no rule foresees: then the batch is halved until that row
 * stands alone, and it is quarantined with the server's reason.
 */

import type { Client } from "pg";
import type { Collection } from "../../collections/collection.ts";
import { copyIn } from "../../postgres/copy.ts";
import { sqlState } from "../../postgres/database-error.ts";
import { keepDuplicates, keepOrphans } from "./classify-rows.ts";
import { copyTarget } from "./copy-target.ts";

/** A row that stayed out of the table. */
export interface RefusedRow {
  /** Index in the array. */
  position: number;
  reason: string;
  sqlstate?: string;
}

export interface StagedResult {
  refused: RefusedRow[];
  /** Rows with a reference whose target does not exist. */
  orphans: number;
  /** Repeated registrations. */
  duplicates: number;
}

const stage = "pg_temp.stage";

/**
 * Writes a batch inside the caller's transaction.
 *
 * @param copy the batch as COPY text
 */
export async function loadStaged(client: Client, collection: Collection, copy: Uint8Array): Promise<StagedResult> {
  const { table, columns } = copyTarget(collection);
  await client.query(`create temporary table stage (like ${table} including defaults) on commit drop`);
  const lines = splitLines(copy);
  const result = await (collection.kind === "settings"
    ? loadSettings(client, collection, lines, columns)
    : loadHalves(client, collection, lines, columns));
  await client.query(`drop table ${stage}`);
  return result;
}

/** The rows of the settings are one document, which is a row in all of its keys or in none. */
async function loadSettings(
  client: Client,
  collection: Collection,
  lines: Buffer[],
  columns: string[],
): Promise<StagedResult> {
  await client.query("savepoint whole");
  try {
    const { refused } = await loadLines(client, collection, lines, columns);
    if (refused.length === 0) return untouched;
    await client.query("rollback to savepoint whole");
    return { ...untouched, refused: [{ ...refused[0]!, position: settingsPosition }] };
  } catch (error) {
    if (!isDataError(error)) throw error;
    await client.query("rollback to savepoint whole");
    return { ...untouched, refused: [refusal(settingsPosition, error)] };
  }
}

/** The application reads the first element alone. */
const settingsPosition = 0;
const untouched: StagedResult = { refused: [], orphans: 0, duplicates: 0 };

async function loadHalves(
  client: Client,
  collection: Collection,
  lines: Buffer[],
  columns: string[],
): Promise<StagedResult> {
  await client.query("savepoint half");
  try {
    const result = await loadLines(client, collection, lines, columns);
    await client.query("release savepoint half");
    return result;
  } catch (error) {
    if (!isDataError(error)) throw error;
    await client.query("rollback to savepoint half");
    if (lines.length === 1) return refuseOne(collection, lines[0]!, error);
    const middle = lines.length >> 1;
    const first = await loadHalves(client, collection, lines.slice(0, middle), columns);
    const second = await loadHalves(client, collection, lines.slice(middle), columns);
    return {
      refused: [...first.refused, ...second.refused],
      orphans: first.orphans + second.orphans,
      duplicates: first.duplicates + second.duplicates,
    };
  }
}

async function loadLines(
  client: Client,
  collection: Collection,
  lines: Buffer[],
  columns: string[],
): Promise<StagedResult> {
  await client.query(`truncate ${stage}`);
  await copyIn(client, `${stage} (${columns.join(", ")})`, Buffer.concat(lines));
  const refused = await refuseRepeatedIds(client, collection);
  const orphans = collection.kind === "typed" ? await keepOrphans(client, collection, stage) : 0;
  const duplicates = collection.kind === "typed" ? await keepDuplicates(client, collection, stage) : 0;
  const target =
    collection.kind === "typed" && collection.registration !== undefined ? [...columns, "duplicate_of"] : columns;
  const list = target.join(", ");
  await client.query(`insert into ${collection.table} (${list}) select ${list} from ${stage} order by position`);
  return { refused, orphans, duplicates };
}

/** The application finds the first of several documents with one id; the others cannot be rows. */
async function refuseRepeatedIds(client: Client, collection: Collection): Promise<RefusedRow[]> {
  const key = collection.kind === "settings" ? "key" : "id";
  const same = collection.kind === "generic" ? "t.collection = s.collection and t.id = s.id" : `t.${key} = s.${key}`;
  const { rows } = await client.query<{ position: string; id: string; first: string }>(
    `with repeated as (
       select s.position, s.${key} as id, coalesce(t.position, f.first) as first
         from ${stage} s
         join (select ${key}, min(position) as first from ${stage} group by ${key}) f on f.${key} = s.${key}
         left join ${collection.table} t on ${same}
        where t.${key} is not null or s.position <> f.first
     ), gone as (
       delete from ${stage} s using repeated r where s.position = r.position
     )
     select position::text, id, first::text from repeated order by position`,
  );
  return rows.map(({ position, id, first }) => ({
    position: Number(position),
    reason: `repeats the id ${JSON.stringify(id)} of element ${first}`,
    sqlstate: "23505",
  }));
}

/** Data exceptions, constraint violations and exceeded limits; anything else is not the row's fault. */
function isDataError(error: unknown): boolean {
  return /^(22|23|54)/.test(sqlState(error) ?? "");
}

function refuseOne(collection: Collection, line: Buffer, error: unknown): StagedResult {
  const place = copyTarget(collection).columns.indexOf("position");
  const position = Number(line.toString("utf8").split("\t")[place]);
  return { ...untouched, refused: [refusal(position, error)] };
}

function refusal(position: number, error: unknown): RefusedRow {
  const sqlstate = sqlState(error);
  const reason = `was refused by the database: ${(error as Error).message}`;
  return { position, reason, ...(sqlstate === undefined ? {} : { sqlstate }) };
}

/** Lines of COPY text, each with its line end: a line end inside a value is escaped. */
function splitLines(copy: Uint8Array): Buffer[] {
  const bytes = Buffer.from(copy.buffer, copy.byteOffset, copy.byteLength);
  const lines: Buffer[] = [];
  for (let from = 0; from < bytes.length;) {
    const to = bytes.indexOf(0x0a, from) + 1;
    lines.push(bytes.subarray(from, to));
    from = to;
  }
  return lines;
}
