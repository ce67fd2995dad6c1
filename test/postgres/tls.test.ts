import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { parseConnectionUrl } from "../../ops/postgres/connection-url.ts";
import { withClient } from "../../ops/postgres/connection.ts";
import { tlsOptions } from "../../ops/postgres/tls.ts";
import { startOwnCluster } from "../sql/own-cluster.ts";
import type { OwnCluster } from "../sql/own-cluster.ts";

const AUTHORITY = join(import.meta.dirname, "../fixtures/tls/authority.crt");

function tlsOf(url: string): ReturnType<typeof tlsOptions> {
  return tlsOptions(parseConnectionUrl(url));
}

describe("the rules", () => {
  test.each([
    "postgresql://localhost/lt",
    "postgresql://127.0.0.1/lt",
    "postgresql://127.9.9.9/lt",
    "postgresql://[::1]/lt",
    "postgresql:///lt?host=/run/pg",
  ])("use no TLS on this machine: %s", (url) => {
    expect(tlsOf(url)).toBe(false);
  });

  test.each([
    "",
    "?sslmode=require",
    "?sslmode=verify-ca",
    "?sslmode=verify-full",
    "?ssl=true",
    "?uselibpqcompat=true&sslmode=require",
  ])("verify the certificate of another machine, whatever is asked for: %s", (query) => {
    expect(tlsOf(`postgresql://db.example/lt${query}`)).toEqual({ rejectUnauthorized: true });
  });

  test.each([
    "?sslmode=no-verify",
    "?ssl=no-verify",
    "?sslmode=disable",
    "?ssl=false",
    "?ssl=0",
    "?sslmode=prefer",
    "?sslmode=allow",
    "?rejectUnauthorized=false",
    "?sslcert=/x.pem",
    "?sslmode=verify-full&sslnegotiation=direct",
  ])("refuse to talk to another machine less safely, or by a parameter that nothing reads: %s", (query) => {
    expect(() => tlsOf(`postgresql://db.example/lt${query}`)).toThrow(
      expect.objectContaining({ code: "database-tls" }),
    );
  });

  test.each(["?sslmode=no-verify", "?sslmode=prefer"])("refuse to verify nothing even on this machine: %s", (query) => {
    expect(() => tlsOf(`postgresql://localhost/lt${query}`)).toThrow(expect.objectContaining({ code: "database-tls" }));
  });

  test("refuse a host that only begins like this machine", () => {
    expect(tlsOf("postgresql://127.0.0.1.example.com/lt")).not.toBe(false);
    expect(tlsOf("postgresql://localhost.example.com/lt")).not.toBe(false);
  });

  test.each([
    ["/no/such/file.crt", "cannot be read"],
    [import.meta.filename, "holds no PEM certificate"],
  ])("name a certificate file that is of no use: %s", (file, reason) => {
    expect(() => tlsOf(`postgresql://db.example/lt?sslrootcert=${encodeURIComponent(file)}`)).toThrow(reason);
  });
});

describe("against a server with a certificate of a private authority", () => {
  let cluster: OwnCluster;
  beforeAll(async () => {
    cluster = await startOwnCluster("authority.crt");
  });
  afterAll(() => cluster?.stop());
  afterEach(() => vi.unstubAllEnvs());

  async function isEncrypted(query: string): Promise<boolean> {
    return withClient(`${cluster.url("postgres")}?${query}`, {}, async (client) => {
      const { rows } = await client.query("select ssl from pg_stat_ssl where pid = pg_backend_pid()");
      return rows[0].ssl as boolean;
    });
  }

  test("connects encrypted and verified with the authority's certificate", async () => {
    expect(await isEncrypted(`sslmode=verify-full&sslrootcert=${AUTHORITY}`)).toBe(true);
    expect(await isEncrypted(`sslmode=require&sslrootcert=${AUTHORITY}`)).toBe(true);
    expect(await isEncrypted(`sslrootcert=${AUTHORITY}`)).toBe(true);
  });

  test("refuses the server while its authority is not known", async () => {
    await expect(isEncrypted("sslmode=require")).rejects.toMatchObject({ code: "database-tls" });
  });

  test("verifies even where the environment says not to", async () => {
    vi.stubEnv("NODE_TLS_REJECT_UNAUTHORIZED", "0");
    vi.stubEnv("PGSSLMODE", "no-verify");
    await expect(isEncrypted("sslmode=require")).rejects.toMatchObject({ code: "database-tls" });
  });
});

describe("against a server with a certificate of another name", () => {
  let cluster: OwnCluster;
  beforeAll(async () => {
    cluster = await startOwnCluster("other-name.crt");
  });
  afterAll(() => cluster?.stop());

  test("refuses it although the authority is known", async () => {
    const authority = join(import.meta.dirname, "../fixtures/tls/other-name.crt");
    const url = `${cluster.url("postgres")}?sslmode=verify-full&sslrootcert=${authority}`;
    await expect(withClient(url, {}, async () => {})).rejects.toMatchObject({
      code: "database-tls",
      message: expect.stringContaining("127.0.0.1"),
    });
  });
});
