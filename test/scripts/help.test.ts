import { readdirSync } from "node:fs";
import { join } from "node:path";

import { expect, test } from "vitest";

import { PROJECT_ROOT } from "../../ops/config/project-root.ts";
import { runScriptProcess, ZX } from "../support/run-script.ts";

const scripts = readdirSync(join(PROJECT_ROOT, "ops")).filter((file) => file.endsWith(".mjs"));

test("there are scripts to try", () => {
  expect(scripts.length).toBeGreaterThan(0);
});

// Under plain Node: a test runner compiles TypeScript its own way and accepts what Node does not.
test.each(scripts)("%s --help works under plain Node and names itself", async (script) => {
  const { exitCode, stdout, stderr } = await runScriptProcess(process.execPath, [join("ops", script), "--help"]);
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
  expect(stdout).toContain(`Usage: npx zx ops/${script} `);
  expect(stdout).toContain("--json");
});

test.each(scripts)("%s refuses an unknown flag with exit 2 under zx", async (script) => {
  const { exitCode, stdout, stderr } = await runScriptProcess(ZX, [join("ops", script), "--no-such-flag"]);
  expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: "" });
  expect(stderr).toMatch(/^Error: Unknown option '--no-such-flag'\.\n {2}Next: /);
});
