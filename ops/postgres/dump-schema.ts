/**
 * `node ops/postgres/dump-schema.ts --check | --write`: compares sql/schema.dump.sql with what sql/ makes in an empty
 * embedded database, or writes it anew. Exit code 0 equal or written, 1 different, 2 wrong usage.
 */
import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { discardLocalServer } from "../platform/discard-local.ts";
import { startLocalServer } from "../platform/local.ts";
import { withClient } from "./connection.ts";
import { SQL_DIRECTORY } from "./migration-files.ts";
import { dumpSchema } from "./schema-dump.ts";
import { migrateSchema } from "./schema.ts";
import { differingLines } from "./text-difference.ts";

const DUMP_FILE = join(SQL_DIRECTORY, "schema.dump.sql");
const SHOWN_LINES = 60;

process.exitCode = await main(process.argv.slice(2));

async function main(args: readonly string[]): Promise<number> {
  const [mode] = args;
  if (args.length !== 1 || (mode !== "--check" && mode !== "--write")) {
    process.stderr.write("usage: node ops/postgres/dump-schema.ts --check | --write\n");
    return 2;
  }
  const actual = await dumpOfEmptyDatabase();
  return mode === "--write" ? write(actual) : check(actual);
}

async function write(actual: string): Promise<number> {
  await writeFile(DUMP_FILE, actual);
  process.stdout.write(`${relative(process.cwd(), DUMP_FILE)} written\n`);
  return 0;
}

async function check(actual: string): Promise<number> {
  const committed = await readFile(DUMP_FILE, "utf8").catch(() => "");
  const lines = differingLines(committed.replaceAll("\r\n", "\n"), actual);
  if (lines.length === 0) return 0;
  const name = relative(process.cwd(), DUMP_FILE);
  const more = lines.length > SHOWN_LINES ? `\n… and ${lines.length - SHOWN_LINES} more lines` : "";
  process.stderr.write(`${name} is not what sql/ makes:\n${lines.slice(0, SHOWN_LINES).join("\n")}${more}\n`);
  process.stderr.write("  Next: npm run schema:dump, then look at the difference and commit it\n");
  return 1;
}

/** A server of its own, so that roles left behind by other work cannot show. */
async function dumpOfEmptyDatabase(): Promise<string> {
  const home = await mkdtemp(join(tmpdir(), "lt-schema-"));
  // A server started by root runs as another user, who must be able to enter.
  await chmod(home, 0o755);
  try {
    const { url } = await startLocalServer(home);
    await migrateSchema(url);
    return await withClient(url, {}, dumpSchema);
  } finally {
    await discardLocalServer(home);
    await rm(home, { recursive: true, force: true });
  }
}
