/** What a failed operation says to a person: one sentence, the next command, and the cause for a bug report. */
export interface OpsErrorOptions {
  /** The next command or action to take, one line. */
  hint?: string;
  cause?: unknown;
  /** Machine-readable facts for `--json`; never a secret. */
  details?: Readonly<Record<string, unknown>>;
}

/**
 * An expected failure. Anything else that is thrown is a bug and is shown with its stack.
 *
 * `code` is a stable kebab-case word ("source-changed"); `message` is one sentence that holds the offending value.
 * The code `usage` ends the process with exit code 2, every other one with 1.
 */
export class OpsError extends Error {
  readonly code: string;
  readonly hint: string | undefined;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(code: string, message: string, options: OpsErrorOptions = {}) {
    super(message, { cause: options.cause });
    this.name = "OpsError";
    this.code = code;
    this.hint = options.hint;
    this.details = options.details ?? {};
  }
}
