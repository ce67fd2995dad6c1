import type { ClientBase } from "pg";

export interface TransactionOptions {
  isolation?: "read committed" | "repeatable read" | "serializable";
  /** The server itself then refuses every write. */
  readOnly?: boolean;
}

/**
 * Runs `fn` in a transaction: committed when it returns, rolled back when it throws. What `fn` threw is what the caller
 * sees, even when the roll-back fails as well because the connection is gone.
 *
 * @param client a connected client that is not in a transaction
 */
export async function withTransaction<C extends ClientBase, T>(
  client: C,
  fn: (client: C) => Promise<T>,
  options: TransactionOptions = {},
): Promise<T> {
  await client.query(beginStatement(options));
  let result: T;
  try {
    result = await fn(client);
  } catch (error) {
    await client.query("rollback").catch(() => {});
    throw error;
  }
  await commit(client);
  return result;
}

function beginStatement({ isolation, readOnly }: TransactionOptions): string {
  const modes = [isolation === undefined ? "" : `isolation level ${isolation}`, readOnly ? "read only" : ""];
  return `begin ${modes.filter((mode) => mode !== "").join(", ")}`;
}

/** Commits, and throws when it did not happen. PostgreSQL answers COMMIT of a failed transaction with ROLLBACK and no error: a swallowed failure must not pass for success. */
export async function commit(client: ClientBase): Promise<void> {
  const { command } = await client.query("commit");
  if (command !== "COMMIT")
    throw new Error("The transaction was rolled back by the server although every statement seemed to succeed.");
}
