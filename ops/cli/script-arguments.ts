import { basename } from "node:path";

/**
 * The arguments after the script's own name.
 *
 * Under `npx zx ops/db.mjs start` the process is zx's own program and the script is one of its arguments, under
 * `node ops/db.mjs start` it is the program: both ways it is the first argument with the script's file name.
 *
 * @param argv `process.argv`
 * @param name the script's file name without `.mjs`
 */
export function scriptArguments(argv: readonly string[], name: string): string[] {
  const at = argv.findIndex((argument, index) => index > 0 && basename(argument) === `${name}.mjs`);
  return argv.slice(at === -1 ? 2 : at + 1);
}

/** True when the person asked for JSON, known before the command line is parsed so that its errors are JSON too. */
export function wantsJson(args: readonly string[]): boolean {
  const end = args.indexOf("--");
  return args.slice(0, end === -1 ? undefined : end).includes("--json");
}
