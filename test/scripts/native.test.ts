import { readdirSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect, onTestFinished, test } from "vitest";

import { PROJECT_ROOT } from "../../ops/config/project-root.ts";
import { runScriptProcess } from "../support/run-script.ts";

test("infra/app.ts synthesizes under plain Node", async () => {
  const outdir = await mkdtemp(join(tmpdir(), "lt-synth-"));
  onTestFinished(() => rm(outdir, { recursive: true }));
  const env = { CDK_OUTDIR: outdir };
  const { exitCode, stderr } = await runScriptProcess(process.execPath, ["infra/app.ts"], { env });
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
  expect(readdirSync(outdir)).toContain("manifest.json");
});

// Type stripping refuses syntax that the type checker and the test runner accept; only Node itself can tell.
test("Node accepts every TypeScript file of ops/ and infra/", async () => {
  const program = `
    import { readdirSync, readFileSync } from "node:fs";
    import { stripTypeScriptTypes } from "node:module";
    import vm from "node:vm";
    let count = 0;
    for (const directory of ["ops", "infra"]) {
      for (const file of readdirSync(directory, { recursive: true })) {
        if (!file.endsWith(".ts")) continue;
        const path = directory + "/" + file;
        try {
          new vm.SourceTextModule(stripTypeScriptTypes(readFileSync(path, "utf8")));
          count += 1;
        } catch (error) {
          console.error(path + ": " + error.message);
        }
      }
    }
    console.log(count);`;
  const args = ["--no-warnings", "--experimental-vm-modules", "--input-type=module", "--eval", program];
  const { stdout, stderr } = await runScriptProcess(process.execPath, args, { cwd: PROJECT_ROOT });
  expect(stderr).toBe("");
  expect(Number(stdout)).toBeGreaterThan(20);
});
