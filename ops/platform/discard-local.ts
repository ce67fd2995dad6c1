import { rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { stopLocalServer } from "./local.ts";
import { findPlace } from "./place.ts";

/**
 * Stops the embedded PostgreSQL of `home` and removes all of it, data included; the rest of `home` stays.
 *
 * For servers that exist for one purpose, such as a rehearsal: nothing of them can be brought back.
 */
export async function discardLocalServer(home: string): Promise<void> {
  const place = await findPlace(home);
  if (!place) return;
  await stopLocalServer(home);
  // The data first: what is left after an interruption is a home that can still be discarded.
  await rm(place.dataDirectory, { recursive: true, force: true });
  await rm(dirname(place.dataDirectory), { recursive: true, force: true });
  await rm(join(home, "postgres"), { recursive: true, force: true });
}
