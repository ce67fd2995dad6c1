import { execFileSync } from "node:child_process";
import { mkdtempSync, rmdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";

/** A file system of a few megabytes takes root with the right to mount, which containers may lack. */
export const canMount =
  process.platform === "linux" && succeeds("unshare", "--mount", "mount", "-t", "tmpfs", "tmpfs", "/mnt");

/** An empty directory on a disk of its own, gone when the test ends. */
export function mountSmallDisk(size: string): string {
  const directory = mkdtempSync(join(tmpdir(), "lightningtalk-small-"));
  execFileSync("mount", ["-t", "tmpfs", "-o", `size=${size},mode=755`, "tmpfs", directory]);
  onTestFinished(() => {
    execFileSync("umount", [directory]);
    rmdirSync(directory);
  });
  return directory;
}

function succeeds(command: string, ...args: string[]): boolean {
  try {
    execFileSync(command, args, { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}
