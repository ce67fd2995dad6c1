import type { Collection, GenericCollection } from "./collection.ts";
import { analytics } from "./analytics.ts";
import { events } from "./events.ts";
import { participants } from "./participants.ts";
import { settings } from "./settings.ts";
import { talks } from "./talks.ts";

/** The collections with tables of their own, each after the ones it references. */
export const plannedCollections = [events, participants, talks, settings, analytics] as const;

/** Further files of the application. Any other `*.json` array in the data directory is treated the same way. */
export const knownGenericNames = ["users", "presentations", "presentation_interactions", "voting_sessions"] as const;

/** The mapping for a collection's name, which is its file's name without `.json`. */
export function collectionNamed(name: string): Collection {
  return plannedCollections.find((collection) => collection.name === name) ?? genericCollection(name);
}

function genericCollection(name: string): GenericCollection {
  return { kind: "generic", name, table: "lightningtalk.documents", step: `migrateDocuments (${name})` };
}
