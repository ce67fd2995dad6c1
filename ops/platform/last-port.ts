import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

// Kept so that a URL that somebody noted down stays valid over a restart, as long as the port is free.
const FILE = "port";

/** The TCP port that the server of this directory had last, if any. */
export async function readLastPort(directory: string): Promise<number | undefined> {
  const port = Number(await readFile(join(directory, FILE), "utf8").catch(() => ""));
  return Number.isInteger(port) && port > 0 && port < 65_536 ? port : undefined;
}

export async function rememberPort(directory: string, port: number): Promise<void> {
  if ((await readLastPort(directory)) !== port) await writeFile(join(directory, FILE), `${port}\n`);
}
