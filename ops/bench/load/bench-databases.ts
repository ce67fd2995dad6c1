import { withClient } from "../../postgres/connection.ts";
import { migrateSchema } from "../../postgres/schema.ts";

const template = "bench_template";

/** Fresh databases with the schema, one for each measurement. Names come from this folder's code, never from outside. */
export class BenchDatabases {
  readonly #adminUrl: string;

  /** @param url the server's default database; its user may create databases */
  constructor(url: string) {
    this.#adminUrl = url;
  }

  /** Makes the database that the others are copies of. */
  async makeTemplate(): Promise<void> {
    await this.#admin(`create database ${template}`);
    await migrateSchema(this.#url(template));
  }

  /** Copies the template and writes everything dirty to disk, so that each measurement starts alike. */
  async fresh(name: string): Promise<string> {
    await this.#admin(`create database ${name} template ${template}`);
    await this.#admin("checkpoint");
    return this.#url(name);
  }

  async drop(name: string): Promise<void> {
    await this.#admin(`drop database ${name} with (force)`);
  }

  #url(name: string): string {
    const url = new URL(this.#adminUrl);
    url.pathname = `/${name}`;
    return url.href;
  }

  async #admin(statement: string): Promise<void> {
    await withClient(this.#adminUrl, { applicationName: "bench" }, (client) => client.query(statement));
  }
}
