import { chmod, cp, mkdir, readlink, rename, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { copyBinaries, findBinaries, restoreLinks } from "../../ops/platform/binaries.ts";
import { describeLocalServer } from "../../ops/platform/describe-local.ts";
import { canReach, serverIdentity } from "../../ops/platform/identity.ts";
import { startLocalServer, stopLocalServer } from "../../ops/platform/local.ts";
import { makeHome, preparePlace } from "../../ops/platform/place.ts";
import { runProgram } from "../../ops/platform/server-program.ts";
import { withClient } from "../../ops/postgres/connection.ts";
import { runModule } from "../support/child-process.ts";
import { makeTempHome } from "../support/temp-home.ts";

const PASSWD = ["root:x:0:0:root:/root:/bin/sh", "daemon:x:1:1::/:/bin/sh", "nobody:x:65534:65534::/:/bin/sh"].join(
  "\n",
);
const PLATFORM = join(import.meta.dirname, "../../ops/platform");
const AS_NOBODY = `
  const { describeLocalServer } = await import("${PLATFORM}/describe-local.ts");
  const { startLocalServer, stopLocalServer } = await import("${PLATFORM}/local.ts");
  process.setgid(65534);
  process.setuid(65534);
  const codes = [];
  for (const act of [describeLocalServer, stopLocalServer, startLocalServer]) {
    await act(process.argv[1]).then(() => codes.push("done"), (error) => codes.push(error.code));
  }
  console.log(JSON.stringify(codes));
`;
const isRoot = process.getuid?.() === 0;

describe.runIf(isRoot)("as root", () => {
  test("keeps the cluster where its user can get, when only root can enter the home", async () => {
    const home = await makeTempHome(0o700);
    const server = await startLocalServer(home);
    expect(server.dataDirectory).toMatch(/^\/var\/lib\/lightningtalk-db\/home-/);
    const data = await stat(server.dataDirectory);
    expect(data.mode & 0o777).toBe(0o700);
    expect(data.uid).not.toBe(0);
    expect((await stat(dirname(server.dataDirectory))).uid).toBe(0);
    expect(await one(server.url)).toBe(1);
  });

  test("finds the cluster outside the home again, and the database in it", async () => {
    const home = await makeTempHome(0o700);
    const before = await startLocalServer(home);
    await withClient(before.url, {}, async (client) => await client.query("create table public.kept ()"));
    await stopLocalServer(home);
    const after = await startLocalServer(home);
    expect(after.dataDirectory).toBe(before.dataDirectory);
    expect(await withClient(after.url, {}, async (client) => (await client.query("table public.kept")).rows)).toEqual(
      [],
    );
  });

  test("copies the programs out of a directory that only root can enter, links kept, and they run", async () => {
    const home = await makeTempHome(0o700);
    await makeHome(home);
    const { binaries, identity } = await preparePlace(home);
    const hidden = join(home, "node_modules", "native");
    await cp(binaries.directory, hidden, { recursive: true, verbatimSymlinks: true });
    expect(canReach(identity!, hidden)).toBe(false);
    const parent = await makeTempHome();
    const copy = await copyBinaries({ ...binaries, directory: hidden }, parent);
    expect(canReach(identity!, copy.directory)).toBe(true);
    expect(await runProgram(copy.postgres, ["--version"], identity)).toMatch(/^postgres \(PostgreSQL\) 18\./);
    expect(await runProgram(copy.initdb, ["--version"], identity)).toMatch(/^initdb \(PostgreSQL\) 18\./);
  });

  test("begins with an empty database after the home was removed, though the old cluster is still there", async () => {
    const home = await makeTempHome(0o700);
    const before = await startLocalServer(home);
    await stopLocalServer(home);
    await rm(join(home, "postgres"), { recursive: true });
    const after = await startLocalServer(home);
    expect(after.dataDirectory).not.toBe(before.dataDirectory);
    await rm(dirname(before.dataDirectory), { recursive: true });
  });

  test("refuses a copy of a home while the original has the database, and follows one that was moved", async () => {
    const parent = await makeTempHome(0o700);
    const home = join(parent, "first");
    await mkdir(home);
    const { dataDirectory } = await startLocalServer(home);
    await stopLocalServer(home);
    const copy = await makeTempHome(0o700);
    await cp(join(home, "postgres"), join(copy, "postgres"), { recursive: true });
    await expect(startLocalServer(copy)).rejects.toMatchObject({ code: "copied-home" });
    await rm(join(copy, "postgres"), { recursive: true });
    await rename(join(home, "postgres"), join(parent, "postgres"));
    expect((await startLocalServer(parent)).dataDirectory).toBe(dataDirectory);
  });

  test("tells another user that the home is not theirs, for every command", async () => {
    const home = await makeTempHome();
    const { dataDirectory } = await startLocalServer(home);
    await chmod(join(home, "postgres"), 0o700);
    const outcome = await runModule(AS_NOBODY, [home]);
    expect(outcome).toMatchObject({ code: 0, stderr: "" });
    expect(JSON.parse(outcome.stdout)).toEqual(["no-permission", "no-permission", "lock-unusable"]);
    await chmod(join(home, "postgres"), 0o755);
    expect((await startLocalServer(home)).dataDirectory).toBe(dataDirectory);
  });

  test("runs the server as the owner of the data directory, else as postgres, nobody or whoever is there", async () => {
    const passwd = `${PASSWD}\npostgres:x:70:70::/:/bin/sh\n`;
    expect(serverIdentity("/nonexistent", passwd)).toEqual({ name: "postgres", uid: 70, gid: 70 });
    expect(serverIdentity("/nonexistent", PASSWD)).toMatchObject({ name: "nobody" });
    expect(serverIdentity("/nonexistent", "root:x:0:0::/:/bin/sh\nalice:x:1000:1000::/:/bin/sh")).toMatchObject({
      uid: 1000,
    });
    expect(() => serverIdentity("/nonexistent", "root:x:0:0::/:/bin/sh")).toThrow("any user besides root");
  });
});

test("judges by every directory on the way whether a user can get somewhere", async () => {
  const home = await makeTempHome();
  const stranger = { name: "stranger", uid: 54_321, gid: 54_321 };
  await mkdir(join(home, "closed", "open"), { recursive: true });
  expect(canReach(stranger, join(home, "closed", "open"))).toBe(true);
  await chmod(join(home, "closed"), 0o700);
  expect(canReach(stranger, join(home, "closed", "open"))).toBe(false);
  expect(canReach({ ...stranger, uid: process.getuid?.() ?? 0 }, join(home, "closed", "open"))).toBe(true);
});

test("has the libraries' links that the package lists", async () => {
  const { directory } = await findBinaries();
  const library = join(directory, "lib", process.platform === "darwin" ? "libpq.5.dylib" : "libpq.so.5");
  expect((await stat(library)).isFile()).toBe(true);
});

test("makes the links that are missing when the package's install script did not run", async () => {
  const root = await makeTempHome();
  const links = [{ source: "native/lib/libpq.so.5.18", target: "native/lib/libpq.so.5" }];
  await mkdir(join(root, "native", "lib"), { recursive: true });
  await writeFile(join(root, "native", "lib", "libpq.so.5.18"), "a library");
  await writeFile(join(root, "native", "pg-symlinks.json"), JSON.stringify(links));
  await Promise.all([restoreLinks(root), restoreLinks(root)]);
  await restoreLinks(root);
  expect(await readlink(join(root, "native", "lib", "libpq.so.5"))).toBe("libpq.so.5.18");
});

test("shows the place that it has settled", async () => {
  const home = await makeTempHome();
  const { dataDirectory } = await startLocalServer(home);
  expect((await describeLocalServer(home)).dataDirectory).toBe(dataDirectory);
});

async function one(url: string): Promise<number | undefined> {
  return await withClient(
    url,
    {},
    async (client) => (await client.query<{ one: number }>("select 1 as one")).rows[0]?.one,
  );
}
