import { execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { symlink, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { describeLocalServer } from "../../ops/platform/describe-local.ts";
import { discardLocalServer } from "../../ops/platform/discard-local.ts";
import { startLocalServer, stopLocalServer } from "../../ops/platform/local.ts";
import { makeTempHome } from "../support/temp-home.ts";

// A file system of a few megabytes is the real thing; it takes root with the right to mount, which containers may lack.
const canMount = process.platform === "linux" && mounts("unshare", "--mount", "mount", "-t", "tmpfs", "tmpfs", "/mnt");

test("says that the disk is full when the server cannot write at its start", async () => {
  const home = await makeTempHome();
  const { dataDirectory } = await startLocalServer(home);
  await stopLocalServer(home);
  // Every write to /dev/full fails as on a full disk; the server writes this file first of all.
  await rm(join(dataDirectory, "postmaster.opts"));
  await symlink("/dev/full", join(dataDirectory, "postmaster.opts"));
  await expect(startLocalServer(home)).rejects.toMatchObject({
    code: "disk-full",
    message: expect.stringMatching(/no space is left on the disk of .* \(\d+ MB free\)/),
    hint: expect.stringContaining("LT_HOME"),
  });
  await rm(join(dataDirectory, "postmaster.opts"));
  expect((await startLocalServer(home)).startedNow).toBe(true);
});

describe.runIf(canMount)("on a small disk", () => {
  test.for(["64k", "8m", "30m"])("says that %s are not enough, and leaves nothing half made", async (size) => {
    const home = mountSmallDisk(size);
    await expect(startLocalServer(home)).rejects.toMatchObject({
      code: "disk-full",
      message: expect.stringContaining(home),
    });
    expect(await describeLocalServer(home)).toMatchObject({ state: "absent" });
    execFileSync("mount", ["-o", "remount,size=200m", home]);
    expect((await startLocalServer(home)).startedNow).toBe(true);
  });
});

function mountSmallDisk(size: string): string {
  const home = join(tmpdir(), `lightningtalk-small-${process.pid}-${size}`);
  mkdirSync(home);
  execFileSync("mount", ["-t", "tmpfs", "-o", `size=${size},mode=755`, "tmpfs", home]);
  onTestFinished(async () => {
    await discardLocalServer(home);
    execFileSync("umount", [home]);
    await rm(home, { recursive: true });
  });
  return home;
}

function mounts(command: string, ...args: string[]): boolean {
  try {
    execFileSync(command, args, { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}
