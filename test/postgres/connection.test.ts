import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { describe, expect, test } from "vitest";
import { OpsError } from "../../ops/errors.ts";
import { connect, withClient } from "../../ops/postgres/connection.ts";
import { withTransaction } from "../../ops/postgres/transaction.ts";
import { useDatabase } from "../support/test-database.ts";

const database = useDatabase();

function urlWith(change: (url: URL) => void): string {
  const url = new URL(database.url);
  change(url);
  return url.href;
}

async function failure(url: string, options = {}): Promise<OpsError> {
  const error = await withClient(url, options, (client) => client.query("select 1")).catch((caught: unknown) => caught);
  expect(error).toBeInstanceOf(OpsError);
  return error as OpsError;
}

describe("a session", () => {
  test("is in UTC, has an empty search path, and is noticed within a second when its client dies", async () => {
    await withClient(database.url, { applicationName: "a name", statementTimeoutMs: 1234 }, async (client) => {
      const settings = [
        "timezone",
        "search_path",
        "client_connection_check_interval",
        "application_name",
        "statement_timeout",
      ];
      const { rows } = await client.query(
        "select array_agg(current_setting(name) order by n) as s from unnest($1::text[]) with ordinality as w (name, n)",
        [settings],
      );
      expect(rows[0].s).toEqual(["UTC", "", "1s", "a name", "1234ms"]);
    });
  });

  test("works as the role asked for", async () => {
    await withClient(database.url, { role: "lt_admin" }, async (client) => {
      expect((await client.query("select current_user as role")).rows).toEqual([{ role: "lt_admin" }]);
    });
  });

  test("over the Unix socket works in both spellings", async () => {
    const directory = await withClient(database.url, {}, async (client) => {
      return (await client.query("show unix_socket_directories")).rows[0].unix_socket_directories as string;
    });
    const { username, password, port } = new URL(database.url);
    const byQuery = `postgresql://${username}:${password}@/${database.name}?host=${directory}&port=${port}`;
    const byHost = `postgresql://${username}:${password}@${encodeURIComponent(directory)}:${port}/${database.name}`;
    for (const url of [byQuery, byHost]) {
      const { rows } = await withClient(url, {}, (client) =>
        client.query("select inet_client_addr() is null as by_socket"),
      );
      expect(rows).toEqual([{ by_socket: true }]);
    }
  });

  test("that is cut while idle does not end the process, and the next query says that it was lost", async () => {
    const client = await connect(database.url);
    const { rows } = await client.query("select pg_backend_pid() as pid");
    const ended = new Promise((resolve) => client.once("end", resolve));
    await withClient(database.url, {}, (other) => other.query("select pg_terminate_backend($1)", [rows[0].pid]));
    await ended;
    const lost = withClient(database.url, {}, () => client.query("select 1"));
    await expect(lost).rejects.toMatchObject({ code: "database-lost" });
  });

  test("that is cut during a query rejects it as lost", async () => {
    const cut = withClient(database.url, {}, (client) => client.query("select pg_terminate_backend(pg_backend_pid())"));
    await expect(cut).rejects.toMatchObject({ code: "database-lost" });
  });
});

describe("a failure", () => {
  const SECRET = "never-to-be-shown";

  test.each<[string, string, (url: URL) => void]>([
    ["a port where nobody listens", "database-unreachable", (url) => (url.port = "1")],
    ["a wrong password", "database-login", () => {}],
    ["a database that is not there", "database-login", (url) => (url.pathname = "/nowhere")],
    ["a host without address", "database-host-unknown", (url) => (url.hostname = "host.invalid")],
  ])("by %s is named, with a hint and without the password", async (_, code, change) => {
    const error = await failure(
      urlWith((url) => {
        url.password = SECRET;
        change(url);
      }),
    );
    expect(error).toMatchObject({ code, hint: expect.stringMatching(/\w/) });
    expect(`${error.message} ${error.hint} ${JSON.stringify(error.details)}`).not.toContain(SECRET);
  });

  test("by a database that is not there names it", async () => {
    const error = await failure(urlWith((url) => (url.pathname = "/nowhere")));
    expect(error).toMatchObject({ code: "database-missing", message: expect.stringContaining('"nowhere"') });
  });

  test("by a server that never answers ends after the time that was given", async () => {
    const silent = createServer(() => {});
    await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
    const { port } = silent.address() as AddressInfo;
    const started = performance.now();
    const error = await failure(`postgresql://u:${SECRET}@127.0.0.1:${port}/lt`, { connectTimeoutMs: 300 });
    silent.close();
    expect(error.code).toBe("database-timeout");
    expect(performance.now() - started).toBeLessThan(5_000);
  });

  test("by the statement's time limit, by a missing right and by a read-only session is named", async () => {
    const outcomes = await Promise.all([
      withClient(database.url, { statementTimeoutMs: 50 }, (client) => client.query("select pg_sleep(10)")).catch(
        (e: unknown) => e,
      ),
      withClient(database.url, { role: "lt_readonly" }, (client) =>
        client.query("delete from lightningtalk.events"),
      ).catch((e: unknown) => e),
      withClient(database.url, {}, (client) =>
        withTransaction(client, () => client.query("delete from lightningtalk.events"), { readOnly: true }),
      ).catch((e: unknown) => e),
    ]);
    expect(outcomes).toMatchObject([
      { code: "database-canceled" },
      { code: "database-permission" },
      { code: "database-read-only" },
    ]);
  });

  test("by too many connections is named", async () => {
    const name = database.name;
    await withClient(database.url, {}, (client) =>
      client.query(
        `create role crowded login password '${SECRET}' connection limit 0; grant connect on database ${name} to crowded`,
      ),
    );
    const error = await failure(
      urlWith((url) => {
        url.username = "crowded";
        url.password = SECRET;
      }),
    );
    await withClient(database.url, {}, (client) =>
      client.query(`revoke connect on database ${name} from crowded; drop role crowded`),
    );
    expect(error.code).toBe("database-connections");
  });

  test("that the caller has to explain passes through unchanged", async () => {
    const raw = withClient(database.url, {}, (client) => client.query("select * frm nowhere"));
    await expect(raw).rejects.toMatchObject({ code: "42601", severity: "ERROR" });
  });
});

describe("a transaction", () => {
  test("keeps everything when it returns and nothing when it throws", async () => {
    await withClient(database.url, {}, async (client) => {
      await withTransaction(client, () => client.query("insert into lightningtalk.events (id) values ('kept')"));
      const failing = withTransaction(client, async () => {
        await client.query("insert into lightningtalk.events (id) values ('dropped')");
        throw new Error("changed my mind");
      });
      await expect(failing).rejects.toThrow("changed my mind");
      expect((await client.query("select id from lightningtalk.events")).rows).toEqual([{ id: "kept" }]);
    });
  });

  test("that the server rolled back at commit is not taken for success", async () => {
    const swallowed = withClient(database.url, {}, (client) =>
      withTransaction(client, async () => {
        await client.query("select 1 / 0").catch(() => {});
      }),
    );
    await expect(swallowed).rejects.toThrow("rolled back by the server");
  });
});
