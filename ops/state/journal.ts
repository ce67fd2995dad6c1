/**
 * The journal of what was done to the data: one line of JSON per event, each with the hash of the line before, so that a
 * line that was changed or taken away afterwards shows.
 */

import { createHash } from "node:crypto";
import { open, readFile, truncate } from "node:fs/promises";
import { OpsError } from "../errors.ts";
import { withFileLock } from "../platform/file-lock.ts";
import { makePrivateDirectory } from "./state-directory.ts";
import type { StateDirectory } from "./state-directory.ts";

export interface JournalEntry {
  /** From 1, without gaps. */
  sequence: number;
  /** ISO 8601, UTC. */
  at: string;
  /** For example "migrate execute". */
  event: string;
  facts: Readonly<Record<string, unknown>>;
  /** SHA-256 of the line before, or 64 zeros. */
  previous: string;
}

const noPrevious = "0".repeat(64);

/**
 * Reads the whole journal and checks its chain.
 *
 * A last line without its line end was cut off by a crash: it is no entry, and the next `append` removes it.
 *
 * @throws OpsError `journal-broken` naming the first line that does not fit
 */
export async function readJournal({ journal }: StateDirectory): Promise<JournalEntry[]> {
  const text = await readFile(journal, "utf8").catch(missingAsEmpty);
  return parseChain(wholeLines(text), journal);
}

/** Appends an entry and waits until it is on disk. */
export async function appendJournal(
  state: StateDirectory,
  event: string,
  facts: JournalEntry["facts"],
): Promise<JournalEntry> {
  await makePrivateDirectory(state.root);
  return await withFileLock(`${state.journal}.lock`, async () => {
    const text = await readFile(state.journal, "utf8").catch(missingAsEmpty);
    const lines = wholeLines(text);
    const whole = Buffer.byteLength(lines.map((line) => `${line}\n`).join(""));
    if (whole < Buffer.byteLength(text)) await truncate(state.journal, whole);
    const entries = parseChain(lines, state.journal);
    const previous = lines.length === 0 ? noPrevious : hashLine(lines.at(-1)!);
    const entry = { sequence: entries.length + 1, at: new Date().toISOString(), event, facts, previous };
    await appendLine(state.journal, JSON.stringify(entry));
    return entry;
  });
}

async function appendLine(path: string, line: string): Promise<void> {
  const file = await open(path, "a", 0o600);
  try {
    await file.appendFile(`${line}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
}

function parseChain(lines: string[], path: string): JournalEntry[] {
  let previous = noPrevious;
  return lines.map((line, index) => {
    const entry = parseLine(line);
    if (entry?.previous !== previous || entry.sequence !== index + 1) throw brokenJournal(path, index + 1);
    previous = hashLine(line);
    return entry;
  });
}

function parseLine(line: string): JournalEntry | undefined {
  try {
    return JSON.parse(line) as JournalEntry;
  } catch {
    return undefined;
  }
}

function brokenJournal(path: string, line: number): OpsError {
  return new OpsError("journal-broken", `Line ${line} of ${path} does not continue the line before it.`, {
    hint: "Somebody edited the journal. Keep a copy, find out who, then move the file away: a new journal begins.",
  });
}

function wholeLines(text: string): string[] {
  return text.split("\n").slice(0, -1);
}

function hashLine(line: string): string {
  return createHash("sha256").update(line).digest("hex");
}

function missingAsEmpty(error: NodeJS.ErrnoException): string {
  if (error.code === "ENOENT") return "";
  throw error;
}
