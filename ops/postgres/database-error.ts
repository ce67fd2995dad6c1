import { OpsError } from "../errors.ts";
import { redact, redactUrl } from "../redact.ts";

/** The fields of a server's or a socket's error that say what happened. */
interface ErrorFields {
  code?: string;
  message: string;
  detail?: string;
  schema?: string;
  table?: string;
  constraint?: string;
}

interface Kind {
  code: string;
  sentence: (fields: ErrorFields, where: string) => string;
  hint: string;
}

const LOST: Kind = {
  code: "database-lost",
  sentence: ({ message }, where) => `The connection to ${where} was lost: ${message}.`,
  hint: "run the same command again when the database answers; what was committed is kept",
};
const UNREACHABLE: Kind = {
  code: "database-unreachable",
  sentence: ({ message }, where) => `No database answers at ${where} (${message}).`,
  hint: "start the server, or correct host and port in DATABASE_URL; without DATABASE_URL the embedded server is used",
};
const UNKNOWN_HOST: Kind = {
  code: "database-host-unknown",
  sentence: ({ message }, where) => `The host of ${where} is not known (${message}).`,
  hint: "correct the host name in DATABASE_URL, or check the name service of this machine",
};
const TIMEOUT: Kind = {
  code: "database-timeout",
  sentence: ({ message }, where) => `${where} did not answer in time (${message}).`,
  hint: "check that the network path is open (security group, VPN, firewall) and that the server is not overloaded",
};
const CANCELED: Kind = {
  code: "database-canceled",
  sentence: ({ message }) => `The database gave up a statement: ${message}.`,
  hint: "look for what holds it up in pg_stat_activity, then run the same command again",
};
const LOGIN: Kind = {
  code: "database-login",
  sentence: ({ message }, where) => `The login at ${where} was refused: ${message}.`,
  hint: "correct user and password in DATABASE_URL (percent-encode characters such as @ and /), or set PGPASSWORD",
};
const MISSING: Kind = {
  code: "database-missing",
  sentence: ({ message }, where) => `${where} has no such database: ${message}.`,
  hint: "create it with CREATE DATABASE, or correct the name at the end of DATABASE_URL",
};
const PERMISSION: Kind = {
  code: "database-permission",
  sentence: ({ message }) => `The database refused: ${message}.`,
  hint: "use a role that may do this: lt_migrator for migrations, the administrator for roles and grants",
};
const DISK_FULL: Kind = {
  code: "database-disk-full",
  sentence: ({ message }, where) => `The disk of the database at ${where} is full: ${message}.`,
  hint: "free or add disk space, then run the same command again; it goes on where it stopped",
};
const EXHAUSTED: Kind = {
  code: "database-connections",
  sentence: ({ message }, where) => `${where} accepts no further connection: ${message}.`,
  hint: "close idle sessions (see pg_stat_activity), lower DB_POOL_SIZE or raise max_connections",
};
const STARTING: Kind = {
  code: "database-starting",
  sentence: ({ message }, where) => `The database at ${where} does not accept connections yet: ${message}.`,
  hint: "wait until it is up, then run the same command again",
};
const READ_ONLY: Kind = {
  code: "database-read-only",
  sentence: ({ message }) => `The database takes no writes here: ${message}.`,
  hint: "connect to the primary, not to a replica, and not with a read-only role or transaction",
};
const TLS: Kind = {
  code: "database-tls",
  sentence: ({ message }, where) => `The TLS connection to ${where} is not trustworthy: ${message}.`,
  hint: "use the host name that the certificate names, and sslrootcert=FILE for a private authority; verification is never switched off",
};
const OTHER: Kind = {
  code: "database-error",
  sentence: (fields) => `The database reported ${fields.code ?? "an error"}: ${fields.message}${location(fields)}.`,
  hint: "the cause is shown with DEBUG=1",
};

const BY_CODE: Readonly<Record<string, Kind>> = {
  ECONNREFUSED: UNREACHABLE,
  EHOSTUNREACH: UNREACHABLE,
  ENETUNREACH: UNREACHABLE,
  ENOENT: UNREACHABLE,
  EACCES: UNREACHABLE,
  ENOTFOUND: UNKNOWN_HOST,
  EAI_AGAIN: UNKNOWN_HOST,
  ETIMEDOUT: TIMEOUT,
  ECONNRESET: LOST,
  EPIPE: LOST,
  "28P01": LOGIN,
  "28000": LOGIN,
  "3D000": MISSING,
  "42501": PERMISSION,
  "53100": DISK_FULL,
  "53300": EXHAUSTED,
  "57P01": LOST,
  "57P02": LOST,
  "57P03": STARTING,
  "57P05": LOST,
  "57014": CANCELED,
  "55P03": CANCELED,
  "25006": READ_ONLY,
  EPROTO: TLS,
};

const BY_CODE_PATTERN: ReadonlyArray<readonly [RegExp, Kind]> = [
  [/^08/, LOST],
  [/^(?:CERT_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|ERR_TLS_|ERR_SSL_|HOSTNAME_MISMATCH|INVALID_CA)/, TLS],
];

/** The driver gives these no code. */
const BY_MESSAGE: ReadonlyArray<readonly [RegExp, Kind]> = [
  [/connection timeout|timeout expired/i, TIMEOUT],
  [/query read timeout/i, TIMEOUT],
  [/^Connection terminated|not queryable/, LOST],
  [/does not support SSL|SSL connection/i, TLS],
  [/^SASL|client password must be/, LOGIN],
];

/**
 * What a failure of the database means to a person, or undefined when it is not one that the surroundings cause: a
 * syntax error or a violated constraint is for the caller to explain.
 *
 * @param error anything that was thrown
 * @param url the connection URL, to say where; its password is not shown
 */
export function classifyDatabaseError(error: unknown, url?: string): OpsError | undefined {
  if (error instanceof OpsError) return error;
  const fields = errorFields(error);
  const kind = fields && kindOf(fields);
  return kind && toOpsError(kind, fields, error, url);
}

/**
 * Like {@link classifyDatabaseError}, for callers that cannot explain the rest themselves.
 *
 * @returns an OpsError whatever was thrown; `database-error` with SQLSTATE, table and constraint for the rest
 */
export function describeDatabaseError(error: unknown, url?: string): OpsError {
  const fields = errorFields(error) ?? { message: String(error) };
  return classifyDatabaseError(error, url) ?? toOpsError(OTHER, fields, error, url);
}

/** The SQLSTATE of a server's error, undefined for anything else. */
export function sqlState(error: unknown): string | undefined {
  const code = error instanceof Error ? (error as { code?: unknown }).code : undefined;
  return typeof code === "string" && /^[0-9A-Z]{5}$/.test(code) && "severity" in (error as object) ? code : undefined;
}

function toOpsError(kind: Kind, fields: ErrorFields, cause: unknown, url: string | undefined): OpsError {
  const shown = { ...fields, message: redact(fields.message).replace(/\.$/, "") };
  const where = url === undefined ? "the database" : redactUrl(url);
  const details = fields.code === undefined ? {} : { sqlstate: fields.code };
  return new OpsError(kind.code, kind.sentence(shown, where), { hint: kind.hint, cause, details });
}

function kindOf({ code, message }: ErrorFields): Kind | undefined {
  if (code !== undefined) return BY_CODE[code] ?? BY_CODE_PATTERN.find(([pattern]) => pattern.test(code))?.[1];
  return BY_MESSAGE.find(([pattern]) => pattern.test(message))?.[1];
}

function errorFields(error: unknown): ErrorFields | undefined {
  // A name with several addresses fails once per address, in an aggregate without a message of its own.
  if (error instanceof AggregateError && error.errors.length > 0) return errorFields(error.errors.at(-1));
  return error instanceof Error ? error : undefined;
}

function location({ schema, table, constraint, detail }: ErrorFields): string {
  const place = [table && `table ${schema ?? "?"}.${table}`, constraint && `constraint ${constraint}`].filter(Boolean);
  // The detail of a violated constraint repeats row values; those belong into reports, masked, not into messages.
  return place.length > 0 ? ` (${place.join(", ")})` : detail === undefined ? "" : ` (${redact(detail)})`;
}
