import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { discardLocalServer } from "../../ops/platform/discard-local.ts";

/**
 * A directory for an embedded server of one test; server and directory are gone when the test ends, however it ends.
 *
 * @param mode of the directory; the default lets the server's user in, 0o700 is what `mktemp -d` makes
 */
export async function makeTempHome(mode = 0o755): Promise<string> {
  const home = await mkdtemp(join(tmpdir(), "lightningtalk-home-"));
  await chmod(home, mode);
  onTestFinished(async () => {
    await discardLocalServer(home);
    await rm(home, { recursive: true, force: true });
  });
  return home;
}
