import { redact } from "../redact.ts";
import { failureJson, failureText } from "./failure.ts";
import type { Failure } from "./failure.ts";
import type { CommandResult } from "./definition.ts";
import { writeErr, writeOut } from "./output.ts";

type Redact = (text: string) => string;

/** Prints what a command did: its summary lines, or one JSON object. */
export async function writeResult(
  title: string,
  result: CommandResult,
  json: boolean,
  printsSecrets: boolean,
): Promise<void> {
  const clean: Redact = printsSecrets ? (text) => text : redact;
  if (json) await writeOut(jsonLine(title, result.ok, result.data, clean));
  else if (result.summary.length > 0) await writeOut(`${clean(result.summary.join("\n"))}\n`);
}

/** Prints why a command failed: text on stderr, or one JSON object on stdout. */
export async function writeFailure(title: string, failure: Failure, json: boolean): Promise<void> {
  if (json) await writeOut(jsonLine(title, false, { error: failureJson(failure) }, redact));
  else await writeErr(redact(failureText(failure)));
}

// `command` and `ok` come first for a reader, and win over facts of the same name. Only whole strings are redacted, so
// that the text stays JSON.
function jsonLine(command: string, ok: boolean, data: Record<string, unknown>, clean: Redact): string {
  const object = Object.assign({ command, ok }, data, { command, ok });
  const text = JSON.stringify(object, (_, value: unknown) => {
    if (typeof value === "string") return clean(value);
    return typeof value === "bigint" ? plainNumber(value) : value;
  });
  return `${text}\n`;
}

function plainNumber(value: bigint): number | string {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : String(value);
}
