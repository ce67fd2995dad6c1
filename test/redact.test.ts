import { expect, test } from "vitest";
import { redact, redactUrl } from "../ops/redact.ts";

const SECRET = "s3cret-w0rd";

test.each([
  `postgresql://user:${SECRET}@host:5432/db`,
  `cannot reach postgres://user:${SECRET}@host/db, giving up`,
  `postgresql://user:${SECRET}@with@ats@host/db`,
  `postgresql://user:a/${SECRET}@host/db`,
  `postgresql://:${SECRET}@host/db`,
  `postgresql:///db?host=/run&user=u&password=${SECRET}`,
  `host=h user=u password=${SECRET} dbname=d`,
  `host=h password = '${SECRET} with \\' quote' dbname=d`,
  `PGPASSWORD=${SECRET} psql`,
  `DB_PASSWORD="${SECRET}"`,
  `{"user":"u","password":"${SECRET}"}`,
  `{"passwordHash": "${SECRET}"}`,
  `https://b.s3.amazonaws.com/k?X-Amz-Credential=x&X-Amz-Signature=${SECRET}`,
])("hides the secret in %s", (text) => {
  const shown = redact(text, {});
  expect(shown).not.toContain(SECRET);
  expect(shown).toContain("***");
});

test("keeps what is no secret", () => {
  expect(redactUrl(`postgresql://user:${SECRET}@host:5432/db?sslmode=verify-full`)).toBe(
    "postgresql://user:***@host:5432/db?sslmode=verify-full",
  );
  for (const text of [
    "postgresql://user@host/db",
    "https://example.com:8080/a",
    "3 documents at 10:30, mail a@b.example",
    "the password was refused",
  ]) {
    expect(redact(text, {})).toBe(text);
  }
});

test("hides the values of secret environment variables wherever they appear", () => {
  const environment = {
    PGPASSWORD: "from-the-environment",
    AWS_SECRET_ACCESS_KEY: "abc/def+ghi",
    DATABASE_URL: "postgresql://u:p%40ssword@h/d",
    JWT_SECRET: "on",
  };
  const text = "from-the-environment abc/def+ghi p%40ssword p@ssword, and on goes on";
  expect(redact(text, environment)).toBe("*** *** *** ***, and on goes on");
});
