import { readFileSync } from "node:fs";
import type { ConnectionOptions } from "node:tls";
import { OpsError } from "../errors.ts";
import { isLocalHost, isSocketDirectory } from "./connection-url.ts";
import type { ConnectionTarget } from "./connection-url.ts";

type TlsMode = "disable" | "verify-full";

const SUPPORTED = new Set(["ssl", "sslmode", "sslrootcert", "uselibpqcompat"]);
const VERIFYING = new Set(["require", "verify-ca", "verify-full", "true", "1"]);
const HINT =
  "use sslmode=verify-full, with sslrootcert=FILE when the server's certificate comes from a private authority";

/**
 * How a connection is encrypted: not at all on this machine, else with the certificate and the host name verified.
 * Nothing in between exists. The parameters are judged here because the driver, given a URL with `sslmode`, throws the
 * caller's certificate authorities away, and takes `no-verify` for an answer.
 *
 * @returns the driver's `ssl` value: false, or options that always verify
 * @throws OpsError `database-tls` when the URL asks for less than that, or its certificate file cannot be read
 */
export function tlsOptions(target: ConnectionTarget): false | ConnectionOptions {
  refuseUnknown(target.tls);
  const mode = tlsMode(target);
  if (mode === "disable") return false;
  const certificates = trustedCertificates(target.tls.get("sslrootcert"));
  // Said explicitly, it wins over NODE_TLS_REJECT_UNAUTHORIZED=0 in the environment.
  return { rejectUnauthorized: true, ...(certificates === undefined ? {} : { ca: certificates }) };
}

/** The authorities to trust, as PEM; undefined means those that Node itself trusts. */
function trustedCertificates(file: string | undefined): string | undefined {
  if (file === undefined || file === "system") return undefined;
  let pem: string;
  try {
    pem = readFileSync(file, "utf8");
  } catch (cause) {
    throw new OpsError("database-tls", `The certificate file ${file} of sslrootcert cannot be read.`, {
      hint: HINT,
      cause,
    });
  }
  if (!pem.includes("-----BEGIN CERTIFICATE-----")) {
    throw new OpsError("database-tls", `The file ${file} of sslrootcert holds no PEM certificate.`, { hint: HINT });
  }
  return pem;
}

function tlsMode({ host, tls }: ConnectionTarget): TlsMode {
  if (isSocketDirectory(host)) return "disable";
  const asked = tls.get("sslmode") ?? tls.get("ssl");
  if (asked === undefined) return isLocalHost(host) && !tls.has("sslrootcert") ? "disable" : "verify-full";
  if (VERIFYING.has(asked)) return "verify-full";
  if (["disable", "false", "0"].includes(asked) && isLocalHost(host)) return "disable";
  throw new OpsError(
    "database-tls",
    `The TLS mode ${JSON.stringify(asked)} would talk to ${host} without knowing who answers.`,
    {
      hint: HINT,
    },
  );
}

function refuseUnknown(tls: ReadonlyMap<string, string>): void {
  for (const [name, value] of tls) {
    if (SUPPORTED.has(name)) continue;
    if (name.toLowerCase() === "rejectunauthorized" && value === "true") continue;
    throw new OpsError("database-tls", `The parameter ${name}=${value} of the database URL is not supported.`, {
      hint: HINT,
    });
  }
}
