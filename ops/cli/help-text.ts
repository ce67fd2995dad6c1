import type { AnyCommand } from "./definition.ts";

const EXIT_CODES = "Exit codes: 0 done and checked; 1 failed, or differences found; 2 wrong usage or settings.";

/**
 * What `--help` says after the flags of a command.
 *
 * @param program the words that start the script
 */
export function commandHelp(program: string, command: AnyCommand): string {
  const paragraphs: string[] = [];
  if (command.destructive !== undefined) {
    paragraphs.push(`Destroys ${command.destructive}. It asks for the target's name first; --yes skips the question.`);
  }
  if (command.examples !== undefined && command.examples.length > 0) {
    paragraphs.push(["Examples:", ...command.examples.map((example) => `  ${program} ${example}`)].join("\n"));
  }
  paragraphs.push(EXIT_CODES);
  return `\n${paragraphs.join("\n\n")}`;
}
