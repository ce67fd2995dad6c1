/** What a flip is: statements that change one thing, and what the verifier has to report of it. */

import { escapeLiteral } from "pg";
import { plannedCollections } from "../../../ops/collections/registry.ts";
import { escapeJson } from "../../../ops/json/escape.ts";
import { stringifyExact } from "../../../ops/json/value.ts";
import type { JsonValue } from "../../../ops/json/value.ts";

/** What has to be reported of a flip: a difference of this class about this id, or a failed check that names the id. */
export interface Expected {
  class: "missing" | "extra" | "different" | "moved" | "contradiction" | "check";
  id?: string;
  /** Where the pointer has to begin, for a different value. */
  pointer?: string;
}

export interface Flip {
  name: string;
  collection: string;
  /** `table.column` that the flip is about. */
  columns: string[];
  /** Statements; together they must change something. */
  sql: string[];
  expected: Expected;
}

/** A row as text by column, JSON columns as PostgreSQL writes them. */
export type StoredRow = Readonly<Record<string, string | null>>;

/** A JSON value as an SQL literal for a jsonb column. */
export function json(value: JsonValue): string {
  return escapeLiteral(stringifyExact(escapeJson(value)));
}

export const typedCollections = plannedCollections.filter((collection) => collection.kind === "typed");
