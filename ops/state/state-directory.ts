import { chmod, mkdir } from "node:fs/promises";
import { join } from "node:path";

/** Places of this tool's own records: beside the data, because the way back must not need the database. */
export interface StateDirectory {
  readonly root: string;
  readonly journal: string;
  readonly evidence: string;
  readonly backups: string;
  readonly prepared: string;
}

/** Names the places for a data directory; creates nothing. */
export function stateDirectory(dataDirectory: string): StateDirectory {
  const root = join(dataDirectory, ".lightningtalk");
  return {
    root,
    journal: join(root, "journal.jsonl"),
    evidence: join(root, "evidence"),
    backups: join(root, "backups"),
    prepared: join(root, "prepared.json"),
  };
}

/** Creates a directory that only its owner can read, parents included where they are missing. */
export async function makePrivateDirectory(path: string): Promise<string> {
  await mkdir(path, { recursive: true, mode: 0o700 });
  await chmod(path, 0o700);
  return path;
}
