/** Where the migration stands, read from the database and the journal. */

import { readJournal } from "../state/journal.ts";
import type { JournalEntry } from "../state/journal.ts";
import { stateDirectory } from "../state/state-directory.ts";
import { readProgress } from "./load/load-progress.ts";
import type { LoadProgress } from "./load/load-progress.ts";
import { withLoadedDatabase } from "./loaded-database.ts";

export interface QuarantinedDocument {
  collection: string;
  /** Index in the file's array. */
  position: number;
  reason: string;
  sqlstate: string | null;
}

export interface MigrationStatus {
  collections: LoadProgress[];
  /** The first documents in quarantine, without their contents, which may be personal. */
  quarantine: QuarantinedDocument[];
  quarantined: number;
  /** The last entry of each kind of event. */
  events: JournalEntry[];
}

const shownQuarantined = 50;

/** @throws OpsError `nothing-loaded`, `journal-broken`, or the database's */
export async function readStatus(url: string, dataDirectory: string): Promise<MigrationStatus> {
  const journal = await readJournal(stateDirectory(dataDirectory));
  const events = [...new Map(journal.map((entry) => [entry.event, entry])).values()];
  return await withLoadedDatabase(url, "migrate status", async (client) => {
    const progress = await readProgress(client);
    const { rows } = await client.query<QuarantinedDocument>(
      `select collection, position::float8 as position, reason, sqlstate from ops.quarantine
        order by collection, position limit $1`,
      [shownQuarantined],
    );
    const collections = [...progress.values()];
    const quarantined = collections.reduce((sum, found) => sum + found.quarantined, 0);
    return { collections, quarantine: rows, quarantined, events };
  });
}
