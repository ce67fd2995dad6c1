import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { OpsError } from "../errors.ts";

/** One file of sql/migrations. */
export interface MigrationFile {
  /** The file name, "0001-tables.sql". */
  readonly name: string;
  readonly path: string;
  readonly text: string;
  /** SHA-256 of the text with line ends as LF, in hex: a checkout on Windows is not an edit. */
  readonly sha256: string;
  /** SHA-256 over the previous file's head, this name and this sha256, in hex. */
  readonly head: string;
}

/** The head of a database without any migration. */
export const EMPTY_HEAD = sha256("");

/** Where the SQL of this project is. */
export const SQL_DIRECTORY = join(import.meta.dirname, "../../sql");

const FILE_NAME = /^(\d{4})-[a-z0-9]+(?:-[a-z0-9]+)*\.sql$/;

/**
 * Reads the migrations in the order of their numbers.
 *
 * @param directory the sql directory, which holds `migrations/NNNN-name.sql`
 * @throws OpsError `migration-files` when a name has another form, or the numbers are not 1, 2, 3 … without gap or double
 */
export async function readMigrationFiles(directory: string = SQL_DIRECTORY): Promise<MigrationFile[]> {
  const folder = join(directory, "migrations");
  const names = (await readdir(folder)).filter((name) => name.endsWith(".sql")).toSorted();
  names.forEach((name, index) => checkNumber(name, index + 1));
  const files: MigrationFile[] = [];
  let head = EMPTY_HEAD;
  for (const name of names) {
    const path = join(folder, name);
    const text = (await readFile(path, "utf8")).replaceAll("\r\n", "\n");
    const checksum = sha256(text);
    head = sha256(`${head} ${name} ${checksum}`);
    files.push({ name, path, text, sha256: checksum, head });
  }
  return files;
}

function checkNumber(name: string, expected: number): void {
  const digits = FILE_NAME.exec(name)?.[1];
  if (digits === undefined) throw invalid(`${name} is not named like 0001-some-words.sql`);
  const number = Number(digits);
  if (number < expected) throw invalid(`the number of ${name} is taken twice`);
  if (number > expected)
    throw invalid(`${name} follows number ${String(expected - 1).padStart(4, "0")}, so a file is missing`);
}

function invalid(reason: string): OpsError {
  return new OpsError("migration-files", `The migrations cannot be ordered: ${reason}.`, {
    hint: "number the files in sql/migrations 0001, 0002, 0003 … without gap or double",
  });
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
