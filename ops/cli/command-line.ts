import { Command, CommanderError, InvalidArgumentError, Option } from "commander";

import { OpsError } from "../errors.ts";
import { addCommonFlags, refuseCommonFlag } from "./common-flags.ts";
import type { CommonFlags } from "./common-flags.ts";
import type { AnyCommand, OptionDefinition, ScriptDefinition } from "./definition.ts";
import { commandHelp } from "./help-text.ts";

/** What the person asked for: to run a command, or to read a text. */
export type CommandLine =
  | { kind: "run"; title: string; command: AnyCommand; common: CommonFlags; flags: Record<string, unknown> }
  | { kind: "help"; text: string }
  | { kind: "no-command"; text: string };

/**
 * Reads a command line after a script's definition.
 *
 * @param args the arguments after the script's name
 * @throws OpsError `usage` for anything that does not fit, with a suggestion where one is near
 */
export function parseCommandLine(script: ScriptDefinition, args: readonly string[]): CommandLine {
  let chosen: CommandLine | undefined;
  const printed: string[] = [];
  const program = buildProgram(script, printed, (run) => (chosen = run));
  try {
    program.parse(args, { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return afterCommanderExit(error, printed.join(""), program.name());
  }
  if (chosen === undefined) throw new Error(`No action ran for: ${args.join(" ")}`);
  return chosen;
}

function buildProgram(script: ScriptDefinition, printed: string[], choose: (run: CommandLine) => void): Command {
  const program = new Command(`npx zx ops/${script.name}.mjs`).summary(script.summary);
  program.exitOverride().configureHelp({ showGlobalOptions: true, commandUsage: usageLine });
  program.configureOutput({ writeOut: (text) => printed.push(text), writeErr: (text) => printed.push(text) });
  addCommonFlags(program);
  if (script.commands === undefined) {
    defineCommand(program, program, script.name, script, choose);
  } else {
    program.description(script.summary);
    for (const [name, command] of Object.entries(script.commands)) {
      defineCommand(program, program.command(name), `${script.name} ${name}`, command, choose);
    }
  }
  return program;
}

function defineCommand(
  program: Command,
  target: Command,
  title: string,
  command: AnyCommand,
  choose: (run: CommandLine) => void,
): void {
  target.summary(command.summary).description(command.description ?? command.summary);
  for (const definition of command.options ?? []) target.addOption(buildOption(definition));
  target.addHelpText("after", commandHelp(program.name(), command));
  target.action(() => {
    refuseMissing(target, command);
    choose({
      kind: "run",
      title,
      command,
      common: program.opts<CommonFlags>(),
      flags: withBooleans(target.opts(), command),
    });
  });
}

function buildOption(definition: OptionDefinition): Option {
  refuseCommonFlag(definition.flag);
  const option = new Option(definition.flag, definition.summary + (definition.required === true ? " (required)" : ""));
  if (definition.choices !== undefined) option.choices(definition.choices);
  else if (definition.type === "integer") option.argParser((text) => parseInteger(text, definition));
  else if (definition.flag.includes("<")) option.argParser(parseText);
  if (definition.default !== undefined) option.default(definition.default);
  return option;
}

/** Only after all flags were read: a misspelt flag explains more than the one that is missing because of it. */
function refuseMissing(target: Command, { options = [] }: AnyCommand): void {
  const given = target.opts();
  const missing = options.find(
    ({ flag, required }) => required === true && given[new Option(flag).attributeName()] === undefined,
  );
  if (missing !== undefined) target.error(`error: required option '${missing.flag}' not specified`);
}

function parseInteger(text: string, { min = 0, max = Number.MAX_SAFE_INTEGER }: OptionDefinition): number {
  const value = Number(text);
  if (/^-?\d+$/.test(text) && value >= min && value <= max) return value;
  const range = max === Number.MAX_SAFE_INTEGER ? `of at least ${min}` : `from ${min} to ${max}`;
  throw new InvalidArgumentError(`It must be a whole number ${range}.`);
}

function parseText(text: string): string {
  if (text.trim() === "") throw new InvalidArgumentError("It must not be empty.");
  return text;
}

function withBooleans(flags: Record<string, unknown>, command: AnyCommand): Record<string, unknown> {
  const switches = (command.options ?? []).filter(({ flag }) => !flag.includes("<"));
  return { ...Object.fromEntries(switches.map(({ flag }) => [new Option(flag).attributeName(), false])), ...flags };
}

function usageLine(command: Command): string {
  const names: string[] = [];
  for (let at: Command | null = command; at !== null; at = at.parent) names.unshift(at.name());
  return `${names.join(" ")}${command.commands.length > 0 ? " <command>" : ""} [flags]`;
}

function afterCommanderExit(error: CommanderError, text: string, program: string): CommandLine {
  if (error.exitCode === 0) return { kind: "help", text };
  if (error.code === "commander.help") return { kind: "no-command", text };
  const [, message = "", suggestion] = /^(?:error: )?([^\n]*)(?:\n\(Did you mean (.*)\?\))?/.exec(error.message) ?? [];
  const sentence = `${message.charAt(0).toUpperCase()}${message.slice(1)}`.replace(/(?<![.?!])$/, ".");
  const help = `${program} --help`;
  throw new OpsError("usage", sentence, {
    hint: suggestion === undefined ? help : `did you mean ${suggestion}? Otherwise: ${help}`,
  });
}
