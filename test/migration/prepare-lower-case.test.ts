import { expect, test } from "vitest";
import { lowerCase } from "../../ops/migration/prepare/lower-case.ts";
import { withClient } from "../../ops/postgres/connection.ts";
import { useDatabase } from "../support/test-database.ts";

const database = useDatabase();

// Node and server may know different versions of Unicode; what the server has not assigned yet is in no address.
test("lower-cases every character as the database does", async () => {
  const characters: string[] = [];
  for (let code = 1; code <= 0x10ffff; code += 1) {
    if (code < 0xd800 || code > 0xdfff) characters.push(String.fromCodePoint(code));
  }
  const different = await withClient(database.url, {}, async (client) => {
    const { rows } = await client.query<{ original: string; lower: string }>(
      "select original, lower(original) as lower from unnest($1::text[]) as t (original) where unicode_assigned(original)",
      [characters],
    );
    expect(rows.length).toBeGreaterThan(150_000);
    return rows.filter(({ original, lower }) => lowerCase(original) !== lower);
  });
  expect(different).toEqual([]);
});
