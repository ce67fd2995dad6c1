import { chmod, chown, copyFile, mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findBinaries, type Binaries } from "../../ops/platform/binaries.ts";
import { discardLocalServer } from "../../ops/platform/discard-local.ts";
import { serverIdentity } from "../../ops/platform/identity.ts";
import { startLocalServer } from "../../ops/platform/local.ts";
import { runProgram } from "../../ops/platform/server-program.ts";
import type { ServerSettings } from "../../ops/platform/server-settings.ts";
import { startCluster } from "../../ops/platform/start-cluster.ts";
import { stopCluster } from "../../ops/platform/stop-cluster.ts";
import { withClient } from "../../ops/postgres/connection.ts";
import { databaseUrl } from "../support/server.ts";

/** A server that a test has to itself, because roles belong to a whole server. */
export interface OwnCluster {
  /** Superuser's URL to a database of it. */
  url(database: string): string;
  /** A role's URL; gives the role a password first. */
  login(role: string, database: string): Promise<string>;
  /** Statements of the superuser in the database `postgres`, each by itself. */
  run(...statements: string[]): Promise<void>;
  stop(): Promise<void>;
}

const PASSWORD = "of this test only";
const SETTINGS = { fsync: false };
const CERTIFICATES = join(import.meta.dirname, "../fixtures/tls");

/**
 * Starts an empty server of the embedded major version.
 *
 * @param certificate name of a file in test/fixtures/tls to answer TLS with; without it the server knows no TLS
 */
export async function startOwnCluster(certificate?: string): Promise<OwnCluster> {
  const home = await mkdtemp(join(tmpdir(), "lt-own-cluster-"));
  await chmod(home, 0o755);
  const { url } = await startLocalServer(home, { ...SETTINGS, ...(certificate && (await tlsSettings(home, certificate))) });
  return clusterAt(url, async () => {
    await discardLocalServer(home);
    await rm(home, { recursive: true, force: true });
  });
}

/** Starts an empty server with the programs of an older major version. */
export async function startOlderCluster(binaries: Binaries): Promise<OwnCluster> {
  const home = await mkdtemp(join(tmpdir(), "lt-own-cluster-"));
  await chmod(home, 0o755);
  const dataDirectory = join(home, "data");
  const identity = serverIdentity(dataDirectory);
  await mkdir(dataDirectory, { mode: 0o700 });
  if (identity) await chown(dataDirectory, identity.uid, identity.gid);
  const args = ["-D", dataDirectory, "--no-sync", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C"];
  await runProgram(binaries.initdb, args, identity);
  // startCluster keeps the settings in a file that postgresql.conf does not include here: these are PostgreSQL's defaults.
  const { port } = await startCluster({ dataDirectory, binaries, identity, settings: SETTINGS });
  return clusterAt(`postgresql://postgres@127.0.0.1:${port}/postgres`, async () => {
    await stopCluster(dataDirectory);
    await rm(home, { recursive: true, force: true });
  });
}

/** Programs of major versions 15 up to the embedded one that this machine has, where Debian's packages put them. */
export async function findOlderBinaries(): Promise<Binaries[]> {
  const embedded = await findBinaries();
  const majors = (await readdir("/usr/lib/postgresql").catch(() => [])).map(Number);
  return majors
    .filter((major) => major >= 15 && major < embedded.major)
    .map((major) => {
      const directory = `/usr/lib/postgresql/${major}`;
      return {
        directory,
        packageVersion: `${major}`,
        major,
        initdb: join(directory, "bin/initdb"),
        postgres: join(directory, "bin/postgres"),
      };
    });
}

async function tlsSettings(home: string, certificate: string): Promise<ServerSettings> {
  const key = join(home, "server.key");
  await copyFile(join(CERTIFICATES, "server.key"), key);
  await chmod(key, 0o600);
  const identity = serverIdentity(join(home, "postgres"));
  if (identity) await chown(key, identity.uid, identity.gid);
  const file = join(home, certificate);
  await copyFile(join(CERTIFICATES, certificate), file);
  await chmod(file, 0o644);
  return { ssl: true, ssl_key_file: key, ssl_cert_file: file };
}

function clusterAt(superuser: string, stop: () => Promise<void>): OwnCluster {
  const admin = databaseUrl(superuser, "postgres");
  async function run(...statements: string[]): Promise<void> {
    await withClient(admin, {}, async (client) => {
      for (const statement of statements) await client.query(statement);
    });
  }
  return {
    url: (database) => databaseUrl(superuser, database),
    async login(role, database) {
      await run(`alter role ${role} password '${PASSWORD}'`);
      const url = new URL(databaseUrl(superuser, database));
      url.username = role;
      url.password = encodeURIComponent(PASSWORD);
      return url.href;
    },
    run,
    stop,
  };
}
