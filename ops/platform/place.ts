import { chmod, lstat, mkdir, mkdtemp, readFile, realpath, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { OpsError } from "../errors.ts";
import { copyBinaries, findBinaries, type Binaries } from "./binaries.ts";
import { isFileError } from "./file-errors.ts";
import { canReach, serverIdentity, type Identity } from "./identity.ts";

/** Directories of one embedded server. */
export interface Place {
  /** What the current user keeps: password, log, locks. */
  home: string;
  /** What the server's user works in; below `home` unless that user cannot get there. */
  dataDirectory: string;
  socketDirectory: string;
}

/** A place together with what runs there. */
export interface PreparedPlace extends Place {
  binaries: Binaries;
  identity: Identity | undefined;
}

// Not /var/tmp: what lies there for a month is swept away, and a database may well.
const OUTSIDE_ROOT = "/var/lib/lightningtalk-db";
const POINTER = "place.json";

/**
 * Where the server of `home` keeps its files, as far as it has been settled.
 *
 * @returns undefined when nothing was ever started there
 * @throws OpsError `copied-home` when the files belong to another home that still exists
 */
export async function findPlace(home: string): Promise<Place | undefined> {
  const directory = join(home, "postgres");
  const pointer = await readPointer(directory);
  if (pointer) {
    await refuseCopy(directory, pointer);
    return placeIn(directory, pointer.directory);
  }
  return (await exists(join(directory, "data"))) ? placeIn(directory, directory) : undefined;
}

/**
 * Settles where the server of `home` keeps its files and which programs it runs.
 *
 * As root the server runs as another user, who cannot enter a directory such as /root or one made by `mktemp -d`. Then
 * cluster and programs are kept in a directory of root that everyone can enter, and `home` remembers which.
 *
 * Call it under a lock of the home.
 *
 * @throws OpsError of the functions it is made of, `unsafe-directory`, `unreachable-data`
 */
export async function preparePlace(home: string): Promise<PreparedPlace> {
  const directory = join(home, "postgres");
  const installed = await findBinaries();
  const place = (await findPlace(home)) ?? placeIn(directory, directory);
  const identity = serverIdentity(place.dataDirectory);
  if (!identity) return { ...place, binaries: installed, identity };
  const settled = canReach(identity, dirname(place.dataDirectory))
    ? place
    : await moveOutside(directory, place, identity);
  const binaries = canReach(identity, installed.directory) ? installed : await copyBinaries(installed, await ownRoot());
  return { ...settled, binaries, identity };
}

function placeIn(home: string, directory: string): Place {
  return { home, dataDirectory: join(directory, "data"), socketDirectory: join(directory, "socket") };
}

async function moveOutside(home: string, place: Place, identity: Identity): Promise<Place> {
  if (await exists(place.dataDirectory)) {
    throw new OpsError(
      "unreachable-data",
      `The user ${identity.name}, who runs PostgreSQL, cannot enter ${dirname(place.dataDirectory)}.`,
      {
        hint: "Give every directory above it the permission to enter (chmod a+x), or move it back to where it was.",
      },
    );
  }
  const directory = await mkdtemp(join(await ownRoot(), "home-"));
  await chmod(directory, 0o755);
  // The directory's name says nothing; a person who finds it learns from this file whose it is.
  const pointer = `${JSON.stringify({ directory, home: await realpath(home) })}\n`;
  await writeFile(join(directory, POINTER), pointer);
  await writeFile(join(home, POINTER), pointer);
  return placeIn(home, directory);
}

async function ownRoot(): Promise<string> {
  await makeEnterable(OUTSIDE_ROOT);
  await refuseForeignDirectory(OUTSIDE_ROOT);
  return OUTSIDE_ROOT;
}

/** Programs that root starts, and the parent of the data, must lie where nobody else can exchange them. */
async function refuseForeignDirectory(path: string): Promise<void> {
  const stats = await lstat(path);
  if (stats.isDirectory() && stats.uid === 0 && (stats.mode & 0o022) === 0) return;
  throw new OpsError("unsafe-directory", `The directory ${path} is not root's alone.`, {
    hint: "Find out who made it, remove it and run the command again.",
  });
}

/**
 * Makes the directory below `home` that a place begins with.
 *
 * @returns its path
 */
export async function makeHome(home: string): Promise<string> {
  await makeEnterable(home);
  await makeEnterable(join(home, "postgres"));
  return join(home, "postgres");
}

/** Makes a missing directory; one that is made here can be entered by everyone, whatever the umask. */
async function makeEnterable(path: string): Promise<void> {
  if (await exists(path)) return;
  await mkdir(path, { recursive: true });
  await chmod(path, 0o755);
}

interface Pointer {
  directory: string;
  /** The home that made the directory; another one that has the same pointer is a copy or has been moved. */
  home: string;
}

async function readPointer(directory: string): Promise<Pointer | undefined> {
  try {
    return JSON.parse(await readFile(join(directory, POINTER), "utf8")) as Pointer;
  } catch (error) {
    if (isFileError(error, "ENOENT")) return undefined;
    throw error;
  }
}

async function refuseCopy(directory: string, pointer: Pointer): Promise<void> {
  if (pointer.home === (await realpath(directory)) || !(await exists(join(pointer.home, POINTER)))) return;
  throw new OpsError(
    "copied-home",
    `The directory ${directory} is a copy of ${pointer.home}, whose database is still in use.`,
    {
      hint: `Remove ${directory} to begin with an empty database here.`,
    },
  );
}

async function exists(path: string): Promise<boolean> {
  return await lstat(path).then(
    () => true,
    () => false,
  );
}
