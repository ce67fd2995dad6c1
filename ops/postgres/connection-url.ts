import { OpsError } from "../errors.ts";
import { redactUrl } from "../redact.ts";

/** Where a connection goes, taken from a URL without losing what the driver would silently override. */
export interface ConnectionTarget {
  /** A host name, an address, or the directory of a Unix socket. */
  readonly host: string;
  readonly port: number;
  readonly database: string | undefined;
  readonly user: string | undefined;
  /** Undefined leaves it to PGPASSWORD and the password file. */
  readonly password: string | undefined;
  /** Server settings in the form of the `options` parameter. */
  readonly options: string | undefined;
  readonly applicationName: string | undefined;
  /** The `ssl…` parameters as written, for tls.ts to judge. */
  readonly tls: ReadonlyMap<string, string>;
}

const DEFAULT_PORT = 5432;
const PLACEHOLDER_HOST = "placeholder.invalid";
const KNOWN_PARAMETERS = new Set([
  "host",
  "port",
  "dbname",
  "user",
  "password",
  "options",
  "application_name",
  "connect_timeout",
]);

/**
 * Parses `postgresql://user:password@host:port/database?parameters`, also with a Unix socket directory as
 * `?host=/directory` or as the percent-encoded host. Parameters of the query win over the parts, as they do in libpq.
 *
 * @throws OpsError `database-url` when it is no such URL, names several hosts or has a parameter that nothing reads
 */
export function parseConnectionUrl(url: string): ConnectionTarget {
  const parsed = parseUrl(url);
  const query = parsed.searchParams;
  const tls = new Map<string, string>();
  for (const [name, value] of query) {
    if (isTlsParameter(name)) tls.set(name, value);
    else if (!KNOWN_PARAMETERS.has(name)) throw badUrl(url, `the parameter ${JSON.stringify(name)} is not known`);
  }
  const host = query.get("host") ?? decodeHost(parsed.hostname);
  if (host.includes(",")) throw badUrl(url, "several hosts in one URL are not supported");
  return {
    host: host === "" ? "localhost" : host,
    port: parsePort(url, query.get("port") ?? parsed.port),
    database: query.get("dbname") ?? decoded(url, parsed.pathname.slice(1)),
    user: query.get("user") ?? decoded(url, parsed.username),
    password: query.get("password") ?? decoded(url, parsed.password),
    options: query.get("options") ?? undefined,
    applicationName: query.get("application_name") ?? undefined,
    tls,
  };
}

/** True for a Unix socket directory and for addresses that never leave the machine. */
export function isLocalHost(host: string): boolean {
  return isSocketDirectory(host) || host === "localhost" || host === "::1" || /^127(?:\.\d{1,3}){3}$/.test(host);
}

export function isSocketDirectory(host: string): boolean {
  return host.startsWith("/");
}

function parseUrl(url: string): URL {
  if (!/^postgres(?:ql)?:\/\//i.test(url)) throw badUrl(url, "it does not start with postgresql://");
  // An empty host is fine for libpq (the default socket, or ?host=), but not for WHATWG URLs that name a user.
  const filled = url.replace(/^([a-z]+:\/\/(?:[^/?#]*@)?)(?=[/?#:]|$)/i, `$1${PLACEHOLDER_HOST}`);
  try {
    return new URL(filled);
  } catch (cause) {
    throw badUrl(url, "it cannot be parsed", cause);
  }
}

function decodeHost(hostname: string): string {
  if (hostname === PLACEHOLDER_HOST) return "";
  return decodeURIComponent(hostname.replace(/^\[(.*)\]$/, "$1"));
}

function decoded(url: string, part: string): string | undefined {
  if (part === "") return undefined;
  try {
    return decodeURIComponent(part);
  } catch (cause) {
    throw badUrl(url, "it has a % that starts no escape", cause);
  }
}

function parsePort(url: string, port: string): number {
  if (port === "") return DEFAULT_PORT;
  const number = Number(port);
  if (!Number.isInteger(number) || number < 1 || number > 65_535)
    throw badUrl(url, `${JSON.stringify(port)} is no port`);
  return number;
}

function isTlsParameter(name: string): boolean {
  return name.startsWith("ssl") || name === "uselibpqcompat" || name.toLowerCase() === "rejectunauthorized";
}

function badUrl(url: string, reason: string, cause?: unknown): OpsError {
  return new OpsError("database-url", `The database URL ${redactUrl(url)} cannot be used: ${reason}.`, {
    hint: "write postgresql://USER:PASSWORD@HOST:PORT/DATABASE, with characters such as @ / # % in the password percent-encoded",
    cause,
  });
}
