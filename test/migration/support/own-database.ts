import { onTestFinished } from "vitest";
import { withClient } from "../../../ops/postgres/connection.ts";
import { adminUrl, cloneDatabase, databaseUrl } from "../../support/server.ts";

let count = 0;

/** URL of an empty database, without our schema, that is gone when the test ends. */
export async function makeEmptyDatabase(): Promise<string> {
  const admin = await adminUrl();
  const name = `lt_empty_${process.pid}_${(count += 1)}`;
  await withClient(admin, {}, (client) => client.query(`create database ${name}`));
  onTestFinished(async () => {
    await withClient(admin, {}, (client) => client.query(`drop database if exists ${name} with (force)`));
  });
  return databaseUrl(admin, name);
}

/** URL of a database with our schema and no data that is gone when the test ends. */
export async function makeDatabase(): Promise<string> {
  const database = await cloneDatabase();
  onTestFinished(() => database.drop());
  return database.url;
}
