import fc from "fast-check";
import { expect, test } from "vitest";
import { executeMigration } from "../../ops/migration/execute.ts";
import { describePrepare } from "../../ops/migration/prepare/describe-prepare.ts";
import { prepareMigration } from "../../ops/migration/prepare/prepare.ts";
import { findRepeatedKeys } from "../../ops/migration/prepare/repeated-keys.ts";
import { makeDataDirectory } from "../backup/data-directory.ts";
import { useDatabase } from "../support/test-database.ts";
import { emptyTables } from "./support/load-files.ts";
import { silentReporter } from "./support/silent-reporter.ts";

const database = useDatabase();
const signal = new AbortController().signal;

/** Few values, so that ids, references and addresses meet; and the odd ones that decide over a document. */
const ids = fc.constantFrom("a", "b", "c", "d", "", "\0", "\ud800", "x".repeat(900), "x".repeat(901), 1, null, ["a"]);
const addresses = fc.constantFrom(
  "m@example.com",
  "M@Example.com",
  "é@example.com",
  "É@example.com",
  "",
  null,
  7,
  "y".repeat(901),
);
const documents = fc.record({ id: ids, eventId: ids, speakerId: ids, email: addresses }, { requiredKeys: [] });
const elements = fc.array(
  fc.oneof({ weight: 9, arbitrary: documents }, { weight: 1, arbitrary: fc.constantFrom(null, 1, "a", []) }),
  {
    maxLength: 40,
  },
);
const files = fc.record({
  events: elements,
  participants: elements,
  talks: elements,
  settings: elements,
  polls: elements,
});

test("the counts foretold are the counts of execute, whatever the documents are", async () => {
  await fc.assert(
    fc.asyncProperty(files, async (contents) => {
      const dataDirectory = await makeDataDirectory(
        Object.fromEntries(Object.entries(contents).map(([name, list]) => [`${name}.json`, list])),
      );
      await emptyTables(database.url);
      const { url } = database;
      const options = { url, dataDirectory, reporter: silentReporter, signal };
      const prepared = await prepareMigration({
        ...options,
        config: { databaseUrl: url, ltHome: "/nonexistent" },
        dryRun: true,
      });
      const { outcomes } = await executeMigration({
        ...options,
        acceptQuarantined: prepared.quarantined,
        replace: false,
      });
      const done = outcomes.map(({ progress: { collection, quarantined, orphans, duplicates } }) => ({
        collection,
        quarantined,
        orphans,
        duplicates,
      }));
      const foretold = prepared.files.map(({ collection, expected: { quarantined, orphans, duplicates } }) => ({
        collection,
        quarantined,
        orphans,
        duplicates,
      }));
      expect(foretold).toEqual(done);
    }),
    { numRuns: 25 },
  );
});

test.for([
  ['{"a":1,"b":{"a":1}}', []],
  ['{"a":1,"\\u0061":2}', ["/a"]],
  ['[{"a":1},{"a":1,"b":[{},{"c":1,"c":2}]}]', ["/1/b/1/c"]],
  ['{"x":"{\\"a\\":1,\\"a\\":2}","y":["a",":",","]}', []],
  ['{"a":{"a":{}},"a":[]}', ["/a"]],
] as const)("keys that are repeated in %s are found by their pointer", ([text, pointers]) => {
  expect(findRepeatedKeys(text)).toEqual(pointers);
});

test("a key from a file cannot speak to the terminal", async () => {
  const dataDirectory = await makeDataDirectory({
    "users.json": [{ id: "u-1", "\u001b[2J": "\ud800", "\u202e": "\0" }],
  });
  const { url } = database;
  const options = {
    url,
    dataDirectory,
    reporter: silentReporter,
    signal,
    dryRun: true,
    config: { databaseUrl: url, ltHome: "/nonexistent" },
  };
  const lines = describePrepare(await prepareMigration(options));
  expect(lines.join("\n")).toContain("\\u{1b}[2J");
  expect(lines.every((line) => !/\p{C}/u.test(line))).toBe(true);
});
