import { readFileSync, realpathSync, statSync, type Stats } from "node:fs";
import { dirname } from "node:path";
import { OpsError } from "../errors.ts";

/** The user that a server runs as when it is not the current one. */
export interface Identity {
  name: string;
  uid: number;
  gid: number;
}

// The user made for it first, then the one that owns nothing; after them any other that is not root.
const PREFERRED_USERS = ["postgres", "nobody"];

/**
 * The user to run PostgreSQL as, or undefined for the current one.
 *
 * PostgreSQL refuses to run as root, so root hands over to an existing user: the owner of the data directory if there
 * is one already, else one from the password database (initdb looks its own name up there, so a bare number will not do).
 *
 * @param dataDirectory may be missing
 * @param passwd text in the format of /etc/passwd
 * @throws OpsError `no-unprivileged-user`, `foreign-data-directory`
 */
export function serverIdentity(dataDirectory: string, passwd?: string): Identity | undefined {
  const owner = statSync(dataDirectory, { throwIfNoEntry: false })?.uid;
  const ownUid = process.getuid?.();
  if (ownUid === undefined) return undefined;
  if (ownUid !== 0) {
    if (owner === undefined || owner === ownUid) return undefined;
    throw new OpsError(
      "foreign-data-directory",
      `The data directory ${dataDirectory} belongs to the user with id ${owner}.`,
      {
        hint: "Run the command as that user or as root, or set LT_HOME to a directory of your own.",
      },
    );
  }
  return chooseIdentity(parsePasswd(passwd ?? readFileSync("/etc/passwd", "utf8")), owner);
}

/**
 * Whether `identity` can enter every directory on the way to `path`, and `path` itself, judged by mode bits.
 *
 * @param path existing directory
 */
export function canReach(identity: Identity, path: string): boolean {
  for (let directory = realpathSync(path); ; directory = dirname(directory)) {
    if (!canEnter(identity, statSync(directory))) return false;
    if (directory === dirname(directory)) return true;
  }
}

function canEnter(identity: Identity, stats: Stats): boolean {
  if (stats.uid === identity.uid) return (stats.mode & 0o100) !== 0;
  if (stats.gid === identity.gid) return (stats.mode & 0o010) !== 0;
  return (stats.mode & 0o001) !== 0;
}

function chooseIdentity(users: Identity[], owner: number | undefined): Identity {
  const others = users.filter((user) => user.uid !== 0);
  const preferred = PREFERRED_USERS.map((name) => others.find((user) => user.name === name));
  const chosen = owner ? others.find((user) => user.uid === owner) : (preferred.find(Boolean) ?? others[0]);
  if (chosen) return chosen;
  const wanted = owner ? `a user with id ${owner}` : "any user besides root";
  throw new OpsError("no-unprivileged-user", `PostgreSQL does not run as root, and /etc/passwd lacks ${wanted}.`, {
    hint: "Run the command as an ordinary user, or give --database-url of a PostgreSQL server.",
  });
}

function parsePasswd(text: string): Identity[] {
  return text
    .split("\n")
    .map((line) => line.split(":"))
    .filter((fields) => fields.length >= 7)
    .map(([name = "", , uid, gid]) => ({ name, uid: Number(uid), gid: Number(gid) }))
    .filter((user) => Number.isInteger(user.uid) && Number.isInteger(user.gid));
}
