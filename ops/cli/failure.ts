import { OpsError } from "../errors.ts";

/** What a failed command tells: to a person as text, to a program as the `error` of the JSON object. */
export interface Failure {
  exitCode: 1 | 2;
  code: string;
  message: string;
  hint: string | undefined;
  details: Readonly<Record<string, unknown>>;
  /** The stack with its causes, for a bug or when it was asked for. */
  stack: string | undefined;
}

/** Codes of what the person can correct on the command line or in the environment before anything ran. */
const WRONG_USE = new Set(["usage", "config"]);

const BUG_HINT = "this is a bug in lightningtalk-db: report it with the lines below and the command you typed";

/**
 * Classifies whatever was thrown: an OpsError is expected, everything else is a bug.
 *
 * @param debug true to keep the stack of an expected failure too
 */
export function describeFailure(error: unknown, debug: boolean): Failure {
  if (error instanceof OpsError) {
    const { code, message, hint, details } = error;
    return {
      exitCode: WRONG_USE.has(code) ? 2 : 1,
      code,
      message,
      hint,
      details,
      stack: debug ? stackOf(error) : undefined,
    };
  }
  const message = error instanceof Error ? `Unexpected ${error.name}: ${error.message}` : `Unexpected ${String(error)}`;
  return { exitCode: 1, code: "bug", message, hint: BUG_HINT, details: {}, stack: stackOf(error) };
}

/** The failure for a person: `Error: ...`, the next step, and the stack where there is one. */
export function failureText(failure: Failure): string {
  const lines = [`Error: ${failure.message}`];
  if (failure.hint !== undefined) lines.push(`  Next: ${failure.hint}`);
  if (failure.stack !== undefined) lines.push("", failure.stack);
  return `${lines.join("\n")}\n`;
}

/** The failure for a program, without undefined and empty parts. */
export function failureJson(failure: Failure): Record<string, unknown> {
  const { code, message, hint, details, stack } = failure;
  return {
    code,
    message,
    ...(hint === undefined ? {} : { hint }),
    ...(Object.keys(details).length === 0 ? {} : { details }),
    ...(stack === undefined ? {} : { stack }),
  };
}

// Only stacks, never the errors' other properties: a database error carries whole rows in its `detail`.
function stackOf(error: unknown): string {
  const stacks: string[] = [];
  for (let at: unknown = error; at instanceof Error && stacks.length < 10; at = at.cause)
    stacks.push(at.stack ?? at.message);
  return stacks.join("\nCaused by: ") || String(error);
}
