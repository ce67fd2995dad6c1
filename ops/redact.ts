/**
 * The one place that knows what must not be shown. Everything that is printed, logged or written to a report passes
 * through {@link redact}; what cannot be recognised by its form is recognised by its value in the environment.
 */

const MASK = "***";

/** Environment variables whose whole value is a secret. */
const SECRET_VARIABLES = [
  "PGPASSWORD",
  "DB_PASSWORD",
  "DATABASE_PASSWORD",
  "POSTGRES_PASSWORD",
  "AWS_SECRET_ACCESS_KEY",
  "AWS_SESSION_TOKEN",
  "JWT_SECRET",
  "SESSION_SECRET",
];

/** Environment variables whose value is a URL that may hold a password. */
const URL_VARIABLES = ["DATABASE_URL", "LT_DATABASE_URL"];

/** Shorter values ("test", "on") would black out ordinary words. */
const SHORTEST_SECRET = 6;

// The password runs to the last "@" before white space or a quote: one that holds an unescaped "@" or "/" is hidden whole.
// That hides a path after a port as well when an "@" follows: rather too much than too little.
const URL_PASSWORD = /\b([a-z][a-z0-9+.-]*:\/\/[^\s:@/"'`]*):[^\s"'`]*@/gi;
const QUERY_PASSWORD = /([?&](?:password|pgpassword|sslpassword)=)[^&\s"'`]*/gi;
const KEY_VALUE =
  /\b((?:pg|db_|database_|postgres_)?(?:password|passwd|pwd)\s*=\s*)(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|[^\s,;&'"]+)/gi;
const JSON_PASSWORD = /("(?:password|passwordHash|secret|token)"\s*:\s*)"(?:[^"\\]|\\.)*"/gi;
const SIGNATURE = /([?&](?:X-Amz-Signature|X-Amz-Security-Token|X-Amz-Credential)=)[^&\s"'`]*/gi;

/**
 * Hides passwords in a text: in connection URLs, in `key=value` and JSON forms, in pre-signed AWS URLs and authentication
 * tokens, and wherever the value of a known secret environment variable appears.
 *
 * @param text any text that is about to leave the process
 * @param environment where the known secrets are; the process's own by default
 * @returns the same text with every secret replaced by `***`
 */
export function redact(text: string, environment: NodeJS.ProcessEnv = process.env): string {
  let shown = text;
  for (const secret of knownSecrets(environment)) shown = shown.replaceAll(secret, MASK);
  return shown
    .replace(SIGNATURE, `$1${MASK}`)
    .replace(URL_PASSWORD, `$1:${MASK}@`)
    .replace(QUERY_PASSWORD, `$1${MASK}`)
    .replace(KEY_VALUE, `$1${MASK}`)
    .replace(JSON_PASSWORD, `$1"${MASK}"`);
}

/**
 * A connection URL as it may be shown: user, host, port, database and options, without any password.
 *
 * @param url a connection URL, well formed or not
 */
export function redactUrl(url: string): string {
  return redact(url, {});
}

/** Secret values longest first, so that a secret that contains another is hidden whole. */
function knownSecrets(environment: NodeJS.ProcessEnv): string[] {
  const secrets = SECRET_VARIABLES.map((name) => environment[name]);
  for (const name of URL_VARIABLES) secrets.push(...passwordSpellings(environment[name]));
  const known = secrets.filter((value): value is string => value !== undefined && value.length >= SHORTEST_SECRET);
  return [...new Set(known)].toSorted((a, b) => b.length - a.length);
}

/** The password of a URL as it is written there and as it is after decoding. */
function passwordSpellings(url: string | undefined): string[] {
  const written = /^[a-z][a-z0-9+.-]*:\/\/[^:@/]*:(.*)@/i.exec(url ?? "")?.[1];
  if (written === undefined) return [];
  try {
    return [written, decodeURIComponent(written)];
  } catch {
    return [written];
  }
}
