import type { Collection } from "../../collections/collection.ts";
import { genericColumns, settingsColumns, typedColumns } from "../../collections/copy-text.ts";

/** The table that a collection's COPY text goes to, and its columns in the text's order. */
export function copyTarget(collection: Collection): { table: string; columns: string[] } {
  switch (collection.kind) {
    case "typed":
      return { table: collection.table, columns: typedColumns(collection) };
    case "generic":
      return { table: collection.table, columns: genericColumns };
    case "settings":
      return { table: collection.table, columns: settingsColumns };
  }
}
