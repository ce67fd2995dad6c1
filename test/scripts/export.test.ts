import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { writeDamagedData } from "../migration/support/damaged-data.ts";
import { makeEmptyDatabase } from "../migration/support/own-database.ts";
import { makeTempDirectory } from "../migration/support/temp-directory.ts";
import { executeHere } from "../migration/support/execute-here.ts";
import { runScript } from "../support/child-process.ts";
import type { Outcome } from "../support/child-process.ts";
import { useDatabase } from "../support/test-database.ts";

const database = useDatabase();

beforeAll(async () => {
  const dataDirectory = await mkdtemp(join(tmpdir(), "lightningtalk-export-"));
  const { quarantined } = await writeDamagedData(dataDirectory, 100);
  await executeHere({ url: database.url, dataDirectory, acceptQuarantined: quarantined });
  await rm(dataDirectory, { recursive: true });
});

async function exportFiles(...args: string[]): Promise<Outcome> {
  return await runScript("export.mjs", args, { DATABASE_URL: database.url });
}

test("explains itself, and asks for the directory", async () => {
  expect(await exportFiles("--help")).toMatchObject({
    code: 0,
    stderr: "",
    stdout: expect.stringContaining("--to <DIR>"),
  });
  const without = await exportFiles();
  expect(without).toMatchObject({ code: 2, stdout: "" });
  expect(without.stderr).toContain("--to");
});

test("lists the files that it wrote on standard output, plain in a pipe", async () => {
  const directory = await makeTempDirectory();
  const outcome = await exportFiles("--to", directory);
  expect(outcome).toMatchObject({ code: 0, stdout: expect.stringContaining(`Written to ${directory}.`) });
  expect(outcome.stderr).toContain("export participants");
  expect(outcome.stdout + outcome.stderr).not.toContain("\u001b");
});

test("--json prints one object with each file's hash, and one when it fails", async () => {
  const directory = await makeTempDirectory();
  const { stdout, code } = await exportFiles("--to", directory, "--json");
  expect(code).toBe(0);
  const result = JSON.parse(stdout) as { files: { file: string; sha256: string }[] };
  expect(result.files.map(({ file }) => file).toSorted()).toEqual((await readdir(directory)).toSorted());
  expect(result.files[0]!.sha256).toMatch(/^[0-9a-f]{64}$/);
  const again = await exportFiles("--to", directory, "--json");
  expect(again.code).toBe(1);
  expect(JSON.parse(again.stdout)).toMatchObject({ command: "export", ok: false, error: { code: "directory-in-use" } });
});

test("a dry run makes no directory", async () => {
  const parent = await makeTempDirectory();
  const outcome = await exportFiles("--to", join(parent, "to"), "--dry-run");
  expect(outcome).toMatchObject({ code: 0, stdout: expect.stringContaining(join(parent, "to")) });
  expect(await readdir(parent)).toEqual([]);
});

test("a database that nothing was loaded into is refused, and no directory is made", async () => {
  const parent = await makeTempDirectory();
  const outcome = await runScript("export.mjs", ["--to", join(parent, "to")], {
    DATABASE_URL: await makeEmptyDatabase(),
  });
  expect(outcome).toMatchObject({
    code: 1,
    stdout: "",
    stderr: expect.stringContaining("npx zx ops/migrate.mjs execute"),
  });
  expect(await readdir(parent)).toEqual([]);
});
