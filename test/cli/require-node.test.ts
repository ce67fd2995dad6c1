import { readFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import vm from "node:vm";

import { describe, expect, test } from "vitest";

import { PROJECT_ROOT } from "../../ops/config/project-root.ts";
import { runScriptProcess } from "../support/run-script.ts";

const REQUIRE_NODE = join(PROJECT_ROOT, "ops/cli/require-node.mjs");

/** Runs the check as a Node of that version would, with its import of `process` replaced by ours. */
function checkAs(version: string, argv: string[] = []) {
  const source = readFileSync(REQUIRE_NODE, "utf8").replace('import process from "node:process";', "");
  const seen = { exitCode: undefined as number | undefined, stdout: "", stderr: "" };
  const fake = {
    versions: { node: version },
    argv,
    stdout: { write: (text: string) => (seen.stdout += text) },
    stderr: { write: (text: string) => (seen.stderr += text) },
    exit: (code: number) => (seen.exitCode = code),
  };
  vm.runInNewContext(source, { process: fake });
  return seen;
}

describe("the check of the Node version", () => {
  test.each(["12.22.0", "20.20.2", "22.23.0", "24.11.9"])(
    "refuses %s with exit 2 and one line that says how to start",
    (version) => {
      const { exitCode, stdout, stderr } = checkAs(version);
      expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: "" });
      expect(stderr).toMatch(
        /^Error: lightningtalk-db needs Node 24\.12 or newer, this is [\d.]+\. Next: .*npm ci.*npx zx.*\n$/,
      );
      expect(stderr).toContain(version);
    },
  );

  test.each(["24.12.0", "24.21.0", "25.0.0", "100.1.2"])("lets %s pass in silence", (version) => {
    expect(checkAs(version)).toEqual({ exitCode: undefined, stdout: "", stderr: "" });
  });

  test("answers with a JSON object to --json", () => {
    const { exitCode, stdout, stderr } = checkAs("20.0.0", ["node", "x.mjs", "--json"]);
    expect({ exitCode, stderr }).toEqual({ exitCode: 2, stderr: "" });
    expect(JSON.parse(stdout)).toMatchObject({ ok: false, error: { code: "node-too-old" } });
  });

  test("names the same version as package.json", () => {
    const { engines } = JSON.parse(readFileSync(join(PROJECT_ROOT, "package.json"), "utf8"));
    expect(engines.node).toBe(">=24.12");
  });
});

const machineNode = (process.env["PATH"] ?? "").split(":").filter((directory) => !directory.includes("node_modules"));

test("the machine's own Node either starts a script or says in one line what it needs", async () => {
  const script = join(PROJECT_ROOT, "test/fixtures/cli/sample.mjs");
  const result = await runScriptProcess("/bin/sh", [
    "-c",
    `PATH="${machineNode.join(":")}" exec node "$0" --version`,
    script,
  ]);
  expect([
    { exitCode: 0, signal: null, stdout: expect.stringMatching(/^lightningtalk-db /), stderr: "" },
    { exitCode: 2, signal: null, stdout: "", stderr: expect.stringMatching(/^Error: .*needs Node 24\.12.*\n$/) },
  ]).toContainEqual(result);
});
