import process from "node:process";

import { isCancel, text } from "@clack/prompts";

import { OpsError } from "../errors.ts";

/**
 * Asks the person to type a name before something is destroyed.
 *
 * @param question what would be lost and what to type, one line
 * @param expected the exact text to type: the target's name, or the number of records lost
 * @throws OpsError `usage` when no terminal is there to answer, `cancelled` when another text or Ctrl-C came
 */
export async function askForName(question: string, expected: string, signal: AbortSignal): Promise<void> {
  if (!process.stdin.isTTY || !process.stderr.isTTY) {
    throw new OpsError(
      "usage",
      `This needs a confirmation (type ${JSON.stringify(expected)}), and no terminal is there to ask on.`,
      {
        hint: "add --yes once you are sure, or --dry-run to see what would happen",
      },
    );
  }
  const answer = await text({
    message: question,
    placeholder: expected,
    output: process.stderr,
    signal,
    validate: (typed) =>
      typed?.trim() === expected ? undefined : `Type ${JSON.stringify(expected)} to go on, or press Ctrl-C.`,
  });
  if (isCancel(answer)) {
    throw new OpsError("cancelled", "Not confirmed: nothing was changed.", {
      hint: "run the command again when you are sure",
    });
  }
}
