import { expect, test } from "vitest";
import { parseConnectionUrl } from "../../ops/postgres/connection-url.ts";

test.each([
  [
    "postgresql://u:p%40s%2Fs@db.example:6432/lt",
    { host: "db.example", port: 6432, user: "u", password: "p@s/s", database: "lt" },
  ],
  [
    "postgres://db.example/lt",
    { host: "db.example", port: 5432, user: undefined, password: undefined, database: "lt" },
  ],
  ["postgresql:///lt?host=/run/pg&port=6543", { host: "/run/pg", port: 6543, database: "lt" }],
  ["postgresql://u:pw@/lt?host=/run/pg", { host: "/run/pg", user: "u", password: "pw", database: "lt" }],
  ["postgresql://u:pw@%2Frun%2Fpg:6543/lt", { host: "/run/pg", port: 6543, user: "u", password: "pw", database: "lt" }],
  ["postgresql:///lt", { host: "localhost", database: "lt" }],
  ["postgresql://u@:6543/lt", { host: "localhost", port: 6543, user: "u" }],
  ["postgresql://[::1]:6543/lt", { host: "::1", port: 6543 }],
  ["postgresql://h", { host: "h", database: undefined }],
  [
    "postgresql://h/lt?user=q&password=r&options=-c%20work_mem%3D4MB",
    { user: "q", password: "r", options: "-c work_mem=4MB" },
  ],
])("reads %s", (url, expected) => {
  expect(parseConnectionUrl(url)).toMatchObject(expected);
});

test.each([
  ["mysql://u:secret-word@h/lt", "does not start with postgresql://"],
  ["postgresql://u:secret-word@h:99999/lt", "cannot be parsed"],
  ["postgresql://u:secret-word@h/lt?port=0", '"0" is no port'],
  ["postgresql://u:secret-word@h1,h2/lt", "several hosts"],
  ["postgresql://u:secret-word@h/lt?hots=x", '"hots" is not known'],
  ["postgresql://u:secret-word%zz@h/lt", "a % that starts no escape"],
])("refuses %s without showing the password", (url, reason) => {
  const parse = () => parseConnectionUrl(url);
  expect(parse).toThrow(reason);
  expect(parse).not.toThrow("secret-word");
});
