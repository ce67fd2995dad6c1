/** Flips that no document shows: the checks of the database have to catch them. */

import { typedCollections } from "./flip.ts";
import type { Flip } from "./flip.ts";

/** Registrations marked wrongly: no document shows them, the checks of the database have to. */
export function registrationFlips(): Flip[] {
  const table = "lightningtalk.participants";
  const set = (id: string, to: string): Flip => ({
    name: `${id}.duplicate_of = ${to}`,
    collection: "participants",
    columns: [`${table}.duplicate_of`],
    sql: [`update ${table} set duplicate_of = ${to} where id = '${id}' and duplicate_of is distinct from ${to}`],
    expected: { class: "check", id },
  });
  const targets = [
    "null",
    "'participants-other'",
    "'participants-full'",
    "'participants-third'",
    "'participants-bare'",
    "'nobody'",
    "id",
    "''",
  ];
  return [
    ...["participants-second", "participants-third"].flatMap((id) => targets.map((to) => set(id, to))),
    ...["participants-full", "participants-bare", "participants-odd"].flatMap((id) =>
      ["'participants-other'", "'participants-second'", "'nobody'", "id"].map((to) => set(id, to)),
    ),
    {
      ...set("participants-second", "swapped"),
      sql: [
        `update ${table} set duplicate_of = case id when 'participants-second' then 'participants-other' else 'participants-full' end where id in ('participants-second', 'participants-third')`,
      ],
    },
    {
      ...set("participants-full", "a later registration"),
      sql: [
        `update ${table} set duplicate_of = case id when 'participants-full' then 'participants-second' end where id in ('participants-full', 'participants-second')`,
      ],
    },
  ];
}

/** References that the documents do not show to be wrong: an orphan's value put into its column, an existing target left out. */
export function referenceFlips(): Flip[] {
  return typedCollections.flatMap(({ name: collection, table, columns }) =>
    columns
      .filter(({ references }) => references !== undefined)
      .flatMap(({ name, field }): Flip[] => [
        {
          name: `${collection}.${name} of an orphan names nothing`,
          collection,
          columns: [`${table}.${name}`],
          sql: [
            `update ${table} set ${name} = remainder ->> '${field}', remainder = remainder - '${field}' where id = '${collection}-converted'`,
          ],
          expected: { class: "check", id: `${collection}-converted` },
        },
        {
          name: `${collection}.${name} kept from its target`,
          collection,
          columns: [`${table}.${name}`],
          sql: [
            `update ${table} set remainder = remainder || jsonb_build_object('${field}', ${name}), ${name} = null where id = '${collection}-full'`,
          ],
          expected: { class: "check", id: `${collection}-full` },
        },
      ]),
  );
}
