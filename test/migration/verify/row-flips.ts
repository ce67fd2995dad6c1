/** Flips of whole rows: their ids, their places, whether they are there. */

import { escapeLiteral } from "pg";
import type { Expected, Flip } from "./flip.ts";

/** Rows that change their id or place, go, or come. `all` names every column of the table. */
export function rowFlips(collection: string, table: string, all: string[], a: string, b: string): Flip[] {
  const base = { collection, columns: [`${table}.id`] };
  // The whole document, its id included, stands in one column: another id beside it contradicts it.
  const inside = table === "lightningtalk.documents";
  const contradiction: Expected = { class: "contradiction", id: a, pointer: "/id" };
  const only = inside ? ` and collection = '${collection}'` : "";
  const set = (id: string, to: string) => `update ${table} set id = ${to} where id = ${escapeLiteral(id)}${only}`;
  const copied = all.filter((column) => column !== "id" && column !== "position");
  const renamed = ["id || ' '", "upper(id)", "'renamed'", "left(id, -1)"].flatMap((to): Flip[] => [
    {
      ...base,
      name: `${a}.id = ${to}`,
      sql: [set(a, to)],
      expected: inside ? contradiction : { class: "missing", id: a },
    },
    {
      ...base,
      name: `${a}.id = ${to}, as the new id`,
      sql: [set(a, to)],
      expected: inside ? contradiction : { class: "extra" },
    },
  ]);
  return [
    ...renamed,
    {
      ...base,
      name: `${a} and ${b} swap ids`,
      sql: [set(a, "'swap'"), set(b, `'${a}'`), set("swap", `'${b}'`)],
      expected: inside ? contradiction : { class: "different", id: a },
    },
    {
      ...base,
      name: `${a} deleted`,
      sql: [`delete from ${table} where id = '${a}'${only}`],
      expected: { class: "missing", id: a },
    },
    {
      ...base,
      name: `${a} doubled`,
      sql: [
        `insert into ${table} (id, position, ${copied.join(", ")}) select 'doubled', 1000, ${copied.join(", ")} from ${table} where id = '${a}'${only}`,
      ],
      expected: { class: "extra", id: inside ? a : "doubled" },
    },
    ...positionFlips(collection, table, rowTest(collection, table, a), rowTest(collection, table, b), a),
  ];
}

function rowTest(collection: string, table: string, id: string): RowTest {
  return (alias) =>
    `${alias}.id = '${id}'${table === "lightningtalk.documents" ? ` and ${alias}.collection = '${collection}'` : ""}`;
}

/**
 * Two rows change places; one goes to the end.
 *
 * @param a says in SQL that the row under an alias is the first one; `b` the same for the second
 */
export function positionFlips(
  collection: string,
  table: string,
  a: RowTest,
  b: RowTest,
  id: string | undefined,
): Flip[] {
  const both = (alias: string) => `(${a(alias)} or ${b(alias)})`;
  const base = {
    collection,
    columns: [`${table}.position`],
    expected: { class: "moved", ...(id === undefined ? {} : { id }) } as const,
  };
  return [
    {
      ...base,
      name: `${table} ${a("r")} and ${b("r")} swap positions`,
      sql: [
        // By way of negative positions, because no two rows may have the same one in between.
        `update ${table} r set position = -1 - r.position where ${both("r")}`,
        `update ${table} r set position = -1 - o.position from ${table} o where r.ctid <> o.ctid and ${both("r")} and ${both("o")}`,
      ],
    },
    {
      ...base,
      name: `${table} ${a("r")} at the end`,
      sql: [`update ${table} r set position = 100000 where ${a("r")}`],
      expected: { class: "moved" },
    },
  ];
}

export type RowTest = (alias: string) => string;
