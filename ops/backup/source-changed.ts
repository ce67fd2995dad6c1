import { OpsError } from "../errors.ts";

/**
 * The error for a file that somebody wrote while it was read or copied.
 *
 * @param change what differs, as a clause: "its size went from 3 to 4 bytes"
 */
export function sourceChanged(file: string, change: string): OpsError {
  return new OpsError("source-changed", `${file} changed meanwhile: ${change}.`, {
    hint: "Stop the application (or switch on maintenance), then run the same command again.",
    details: { file },
  });
}
