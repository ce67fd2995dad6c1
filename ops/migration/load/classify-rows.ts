/** The two kinds of damage that real data has and that rows keep by rule, found by set-based statements. */

import type { Client } from "pg";
import type { TypedCollection } from "../../collections/collection.ts";

/**
 * A reference without a target: the column becomes NULL, the value stays in the remainder.
 *
 * @param relation the collection's table, or a temporary one with rows on their way there
 * @returns how many rows
 */
export async function keepOrphans(client: Client, collection: TypedCollection, relation: string): Promise<number> {
  const references = collection.columns.filter((column) => column.references !== undefined);
  if (references.length === 0) return 0;
  const missing = ({ name, references: target }: (typeof references)[number]) =>
    `(s.${name} is not null and not exists (select from lightningtalk.${target} t where t.id = s.${name}))`;
  const fields = references.map(
    (column) =>
      `case when ${missing(column)} then jsonb_build_object('${column.field}', s.${column.name}) else '{}' end`,
  );
  const columns = references.map(
    (column) => `${column.name} = case when ${missing(column)} then null else s.${column.name} end`,
  );
  const { rowCount } = await client.query(
    `update ${relation} s set remainder = s.remainder || ${fields.join(" || ")}, ${columns.join(", ")}
      where ${references.map(missing).join(" or ")}`,
  );
  return rowCount ?? 0;
}

/**
 * The first registration of an e-mail for an event counts; later ones name it in duplicate_of. Rows that were found before,
 * batch by batch, are neither changed nor counted again.
 *
 * @param relation as for `keepOrphans`
 * @returns how many rows
 */
export async function keepDuplicates(client: Client, collection: TypedCollection, relation: string): Promise<number> {
  if (collection.registration === undefined) return 0;
  const { event, email } = collection.registration;
  const { rowCount } = await client.query(
    `update ${relation} s set duplicate_of = f.id
       from (
         select distinct on (event, email) event, email, id
           from (
             select s.${event} as event, lower(s.${email}) as email, s.id, 1 as source, s.position from ${relation} s
             union all
             select t.${event}, lower(t.${email}), t.id, 0, t.position from ${collection.table} t
              where t.duplicate_of is null
                and (t.${event}, lower(t.${email})) in (select s.${event}, lower(s.${email}) from ${relation} s)
           ) candidates
          order by event, email, source, position
       ) f
      where s.${event} = f.event and lower(s.${email}) = f.email and s.id <> f.id and s.duplicate_of is null`,
  );
  return rowCount ?? 0;
}
