import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { describe, expect, onTestFinished, test } from "vitest";

import { PROJECT_ROOT } from "../../ops/config/project-root.ts";
import { runScriptProcess, ZX } from "../support/run-script.ts";

const SAMPLE = join(PROJECT_ROOT, "test/fixtures/cli/sample.mjs");
const SINGLE = join(PROJECT_ROOT, "test/fixtures/cli/single.mjs");

const STARTERS = [
  { starter: "zx", program: ZX },
  { starter: "node", program: process.execPath },
];

describe.each(STARTERS)("a script started by $starter", ({ program }) => {
  const run = (...args: string[]) => runScriptProcess(program, [SAMPLE, ...args]);

  test("prints help on stdout and exits 0 for --help", async () => {
    const { exitCode, stdout, stderr } = await run("--help");
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
    expect(stdout).toContain("Usage: npx zx ops/sample.mjs <command> [flags]");
    expect(stdout).toContain("succeed");
  });

  test("prints a command's help with its own and the common flags", async () => {
    const { exitCode, stdout } = await run("greet", "--help");
    expect(exitCode).toBe(0);
    for (const text of ["--batch-size <N>", "--database-url <URL>", "--dry-run", "Examples:", "Exit codes:"]) {
      expect(stdout).toContain(text);
    }
  });

  test.each([["--version"], ["greet", "--version"]])("prints its own version for %s %s", async (...args) => {
    const { exitCode, stdout } = await run(...args.filter((argument) => argument !== undefined));
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^lightningtalk-db \d+\.\d+\.\d+\n$/);
  });

  test("prints the help on stderr and exits 2 without a command", async () => {
    const { exitCode, stdout, stderr } = await run();
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: "" });
    expect(stderr).toContain("Commands:");
  });

  test("passes typed flags to the command and prints one JSON object", async () => {
    const { exitCode, stdout, stderr } = await run(
      "greet",
      "--batch-size=7",
      "--force",
      "--json",
      "--data",
      "d",
      "--verbose",
    );
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout)).toEqual({
      command: "sample greet",
      ok: true,
      flags: { batchSize: 7, force: true },
      doubled: 14,
      dryRun: false,
      stage: "local",
      dataDirectory: join(PROJECT_ROOT, "d"),
      big: 12,
    });
    expect(stdout.startsWith('{"command":"sample greet","ok":true,')).toBe(true);
    expect(stderr).toMatch(/^done {4}doubleBatch: 2 times \(\d+\.\d s\)\n {2}only when verbose\n$/);
  });

  test("accepts common flags before the command's name", async () => {
    const { exitCode, stdout } = await run("--json", "--stage", "blue", "greet");
    expect({ exitCode, stage: JSON.parse(stdout).stage }).toEqual({ exitCode: 0, stage: "blue" });
  });

  test("exits 1 when the command found differences", async () => {
    const { exitCode, stdout } = await run("differ");
    expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: "1 difference\n" });
  });
});

describe("wrong usage", () => {
  const run = (...args: string[]) => runScriptProcess(process.execPath, [SAMPLE, ...args]);

  test.each([
    { args: ["gret"], message: "Unknown command 'gret'.", hint: "did you mean greet?" },
    {
      args: ["greet", "--batchsize", "3"],
      message: "Unknown option '--batchsize'.",
      hint: "did you mean --batch-size?",
    },
    { args: ["greet", "--jsn"], message: "Unknown option '--jsn'.", hint: "did you mean --json?" },
    { args: ["greet", "--batch-size", "0"], message: "It must be a whole number from 1 to 100.", hint: "--help" },
    { args: ["greet", "--batch-size", "1e1"], message: "It must be a whole number from 1 to 100.", hint: "--help" },
    { args: ["greet", "--mode", "odd"], message: "Allowed choices are fast, slow.", hint: "--help" },
    { args: ["greet", "more"], message: "Too many arguments", hint: "--help" },
    { args: ["greet", "--data"], message: "argument missing.", hint: "--help" },
  ])("is refused with exit 2 and the way on: $args", async ({ args, message, hint }) => {
    const { exitCode, stdout, stderr } = await run(...args);
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: "" });
    const [first, second] = stderr.split("\n");
    expect(first).toMatch(/^Error: /);
    expect(first).toContain(message);
    expect(second).toMatch(/^ {2}Next: /);
    expect(second).toContain(hint);
  });

  test.each([
    [["gret", "--json"]],
    [["--json"]],
    [["greet", "--nope", "--json"]],
    [["greet", "--stage", "X", "--json"]],
  ])("is one JSON object on stdout with --json: %j", async (args) => {
    const { exitCode, stdout } = await run(...args);
    expect(exitCode).toBe(2);
    expect(JSON.parse(stdout)).toMatchObject({
      ok: false,
      error: { message: expect.any(String), hint: expect.any(String) },
    });
  });

  test("of a script without commands names the missing flag", async () => {
    const { exitCode, stderr } = await runScriptProcess(process.execPath, [SINGLE]);
    expect({ exitCode, stderr }).toEqual({
      exitCode: 2,
      stderr: "Error: Required option '--to <DIR>' not specified.\n  Next: npx zx ops/single.mjs --help\n",
    });
  });

  test("lists all wrong settings at once and shows no password", async () => {
    const directory = await mkdtemp(join(tmpdir(), "lt-cli-"));
    onTestFinished(() => rm(directory, { recursive: true }));
    await writeFile(join(directory, ".env"), "DB_POOL_SIZE=many\n");
    const args = [SAMPLE, "greet", "--database-url", "mysql://u:hidden-word@h/d"];
    const env = { BACKUP_ENABLED: "perhaps" };
    const { exitCode, stderr } = await runScriptProcess(process.execPath, args, { cwd: directory, env });
    expect(exitCode).toBe(2);
    expect(stderr).toContain("3 settings are wrong:");
    for (const name of ["--database-url", "BACKUP_ENABLED", "DB_POOL_SIZE in .env"])
      expect(stderr).toContain(`- ${name} must`);
    expect(stderr).not.toContain("hidden-word");
  });
});

describe("a script without commands", () => {
  test("runs its one command", async () => {
    const { exitCode, stdout } = await runScriptProcess(ZX, [SINGLE, "--to", "dir", "--json"]);
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout)).toEqual({ command: "single", ok: true, to: "dir" });
  });
});

describe("a failing command", () => {
  const run = (args: string[], env = {}) => runScriptProcess(process.execPath, [SAMPLE, ...args], { env });

  test("shows an expected failure as a sentence and the next step, without stack and secrets", async () => {
    const { exitCode, stdout, stderr } = await run(["refuse"]);
    expect({ exitCode, stdout, stderr }).toEqual({
      exitCode: 1,
      stdout: "",
      stderr: "Error: Cannot reach postgresql://u:***@h/db.\n  Next: try again\n",
    });
  });

  test("shows the stack of an expected failure with DEBUG=1", async () => {
    const { stderr } = await run(["refuse"], { DEBUG: "1" });
    expect(stderr).toContain("sample.mjs:");
    expect(stderr).not.toContain("hidden-word");
  });

  test("keeps code, hint and details in JSON, without secrets", async () => {
    const { exitCode, stdout } = await run(["refuse", "--json"]);
    expect(exitCode).toBe(1);
    expect(JSON.parse(stdout)).toEqual({
      command: "sample refuse",
      ok: false,
      error: {
        code: "source-changed",
        message: "Cannot reach postgresql://u:***@h/db.",
        hint: "try again",
        details: { url: "postgresql://u:***@h/db" },
      },
    });
  });

  test("says that anything unexpected is a bug, with the stacks of all causes", async () => {
    const { exitCode, stderr } = await run(["crash"]);
    expect(exitCode).toBe(1);
    for (const text of ["Unexpected TypeError", "bug", "sample.mjs:", "Caused by: Error: deeper"])
      expect(stderr).toContain(text);
  });
});

describe("an error outside of the command's promise", () => {
  test("ends the command as a bug, in the form that was asked for and without secrets", async () => {
    const { exitCode, stdout, stderr } = await runScriptProcess(process.execPath, [SAMPLE, "stray", "--json"]);
    expect({ exitCode, stderr }).toEqual({ exitCode: 1, stderr: "" });
    expect(stdout).not.toContain("hidden-word");
    expect(JSON.parse(stdout)).toMatchObject({ command: "sample stray", ok: false, error: { code: "bug" } });
  });
});

describe("results", () => {
  const run = (...args: string[]) => runScriptProcess(process.execPath, [SAMPLE, ...args]);

  test("hide a password that slipped into them", async () => {
    expect((await run("hide")).stdout).toBe("postgresql://u:***@h/db\n");
    expect(JSON.parse((await run("hide", "--json")).stdout).password).toBe("a password=*** c");
  });

  test("keep the secret that the command is there to print", async () => {
    expect((await run("reveal")).stdout).toBe("postgresql://u:hidden-word@h/db\n");
  });

  test("mark the steps of a dry run as not done", async () => {
    const { stderr } = await run("greet", "--dry-run");
    expect(stderr).toMatch(/^would {3}doubleBatch/);
  });

  test("come with a warning when a flag shows a password to the process list", async () => {
    const { exitCode, stderr } = await run("greet", "--database-url", "postgresql://u:hidden-word@h/d");
    expect(exitCode).toBe(0);
    expect(stderr.match(/Warning: --database-url/g)).toHaveLength(1);
    expect(stderr).not.toContain("hidden-word");
  });

  test("end a process whose command left something open", async () => {
    const { exitCode, stdout } = await run("leak");
    expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: "left one open\n" });
  });
});

describe("a destructive command", () => {
  const run = (...args: string[]) => runScriptProcess(process.execPath, [SAMPLE, "destroy", ...args]);

  test("refuses with exit 2 where nobody can confirm", async () => {
    const { exitCode, stdout, stderr } = await run();
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: "" });
    expect(stderr).toContain("add --yes");
  });

  test("does not ask with --yes", async () => {
    expect(await run("--yes")).toMatchObject({ exitCode: 0, stdout: "destroyed\n" });
  });

  test("does not ask in a dry run", async () => {
    expect(await run("--dry-run")).toMatchObject({ exitCode: 0 });
  });

  test("says in its help what it destroys", async () => {
    expect((await run("--help")).stdout).toContain("Destroys the sample.");
  });
});
