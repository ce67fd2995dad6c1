/** A small data set in which every mapped column has values of its own, absent ones, and ones that live in the remainder. */

import type { Column, ColumnType } from "../../../ops/collections/column.ts";
import type { TypedCollection } from "../../../ops/collections/collection.ts";
import { plannedCollections } from "../../../ops/collections/registry.ts";
import { stringifyExact } from "../../../ops/json/value.ts";

type Fields = Record<string, unknown>;

/** Values of each type: two that the column holds, one that it holds converted, one that it cannot hold. */
function valuesOf(type: ColumnType, name: string, place: number): [unknown, unknown, unknown, unknown] {
  switch (type) {
    case "text":
      return [`The ${name} é`, `Another ${name}`, [name], { text: name }];
    case "integer":
      return [20 + place, 500 + place, String(40 + place), "many"];
    case "double":
      return [4.5 + place, 2.25 + place, `${3 + place}.5`, "good"];
    case "boolean":
      return [place % 2 === 0, place % 2 === 1, "1", "yes"];
    case "timestamp":
      return [
        `2025-06-29T15:16:${10 + place}.399Z`,
        `2025-07-01T00:00:${10 + place}.001Z`,
        `2025-07-30T19:00:${10 + place}+09:00`,
        "来週の金曜",
      ];
    case "json":
      return [jsonValue(place), ["list", place, { deep: [null, false] }], null, null];
  }
}

function jsonValue(place: number): Fields {
  return {
    name: "hall",
    number: 1.5 + place,
    yes: true,
    none: null,
    list: [1, "2", { key: "v" }],
    "t~i/l": "",
    nested: { no: false },
  };
}

const referenced: Record<string, [string, string]> = {
  events: ["events-full", "events-other"],
  participants: ["participants-full", "participants-other"],
};

function fieldsOf(columns: readonly Column[], variant: 0 | 1 | 2 | 3): Fields {
  return Object.fromEntries(
    columns.map((column, place) => {
      const { field, name, type, references } = column;
      if (references !== undefined) return [field, [...referenced[references]!, `ghost of ${name}`, 42][variant]];
      return [field, valuesOf(type, name, place)[variant]];
    }),
  );
}

function typedDocuments({ name, columns }: TypedCollection): Fields[] {
  const nulls = Object.fromEntries(columns.map(({ field }) => [field, null]));
  return [
    { id: `${name}-full`, ...fieldsOf(columns, 0) },
    { id: `${name}-bare` },
    { id: `${name}-other`, ...fieldsOf(columns, 1), unknown: { field: [1, "x", null] } },
    { id: `${name}-null`, ...nulls },
    { id: `${name}-converted`, ...fieldsOf(columns, 2), exact: { $json: "1" } },
    { id: `${name}-odd`, ...fieldsOf(columns, 3) },
  ];
}

/** Elements that go to quarantine. */
function quarantined(name: string): unknown[] {
  return [{ name: "no id" }, 17, { id: `${name}-full`, again: true }, { id: 5, note: "a number for an id" }];
}

const duplicates: Fields[] = [
  { id: "participants-second", eventId: "events-full", email: "THE EMAIL é", name: "Second" },
  { id: "participants-third", eventId: "events-other", email: "Another email", name: "Third" },
];

/** The files, content by collection. */
export function mutationFiles(): Record<string, string> {
  const files: Record<string, unknown[]> = {};
  for (const collection of plannedCollections) {
    if (collection.kind !== "typed") continue;
    const more = collection.name === "participants" ? duplicates : [];
    files[collection.name] = [...typedDocuments(collection), ...more, ...quarantined(collection.name)];
  }
  files["settings"] = [
    { title: "Talks", limit: 30, open: true, none: null, nested: { list: [1, { a: "b" }] }, minus: -0 },
    { second: 1 },
  ];
  files["users"] = [
    {
      id: "users-full",
      name: "Taro",
      passwordHash: "$2b$10$secret",
      roles: ["admin", 1],
      active: true,
      none: null,
      minus: -0,
    },
    { id: "users-other", name: "Hana", age: 30.5 },
    ...quarantined("users"),
  ];
  return Object.fromEntries(Object.entries(files).map(([name, documents]) => [name, stringifyExact(documents, 2)]));
}
