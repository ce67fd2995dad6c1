import process from "node:process";

import { loadConfig } from "../config/load-config.ts";
import { OpsError } from "../errors.ts";
import { parseCommandLine } from "./command-line.ts";
import type { CommandLine } from "./command-line.ts";
import { flagWarnings } from "./common-flags.ts";
import { askForName } from "./confirm.ts";
import { canRedraw, ConsoleReporter } from "./console-reporter.ts";
import type { CommandContext, OptionDefinition, ScriptDefinition } from "./definition.ts";
import { describeFailure } from "./failure.ts";
import { watchInterrupts } from "./interrupt.ts";
import { tolerateClosedPipes, writeErr, writeOut } from "./output.ts";
import { writeFailure, writeResult } from "./result.ts";
import { scriptArguments, wantsJson } from "./script-arguments.ts";
import { catchStrays } from "./strays.ts";

export { command } from "./definition.ts";

type Run = Extract<CommandLine, { kind: "run" }>;
type ExitCode = 0 | 1 | 2;

/** A command that left something open is ended after this time; nothing of its own work is under way any more. */
const LINGER_MS = 3000;

/**
 * Runs an operator's script: parses its command line, loads the configuration, runs the command, prints the result and
 * sets the exit code (0 done and checked, 1 failed or differences found, 2 wrong usage or settings).
 *
 * Never throws and never rejects: this is the one place that shows errors.
 */
export async function runScript(script: ScriptDefinition): Promise<void> {
  tolerateClosedPipes();
  const args = scriptArguments(process.argv, script.name);
  const json = wantsJson(args);
  let title = script.name;
  let exitCode: ExitCode;
  try {
    const line = parseCommandLine(script, args);
    if (line.kind === "run") title = line.title;
    exitCode = line.kind === "run" ? await runCommand(line) : await printHelp(line, json);
  } catch (error) {
    exitCode = await fail(title, error, json);
  }
  process.exitCode = exitCode;
  setTimeout(() => process.exit(), LINGER_MS).unref();
}

async function runCommand(line: Run): Promise<ExitCode> {
  const { common, command, title } = line;
  const config = loadConfig({ flags: common, environment: process.env, cwd: process.cwd() });
  const reporter = openReporter(common);
  for (const warning of flagWarnings(common)) reporter.warn(warning);
  const strays = catchStrays(async (error) => {
    reporter.close();
    process.exit(await fail(title, error, common.json ?? false));
  });
  const interrupts = watchInterrupts(() => reporter.warn("stopping after the current batch; press again to stop now."));
  try {
    const result = await command.run(openContext(line, config, reporter, interrupts.signal));
    reporter.close();
    await writeResult(title, result, common.json ?? false, command.printsSecrets ?? false);
    return result.ok ? 0 : 1;
  } catch (error) {
    throw isAbort(error) && interrupts.signal.aborted ? interrupts.signal.reason : error;
  } finally {
    reporter.close();
    interrupts.stop();
    strays.stop();
  }
}

function openReporter(common: Run["common"]): ConsoleReporter {
  return new ConsoleReporter({
    stream: process.stderr,
    live: canRedraw(process.stderr, process.env),
    verbose: common.verbose ?? false,
    dryRun: common.dryRun ?? false,
  });
}

function openContext(
  { common, flags }: Run,
  config: CommandContext["config"],
  reporter: ConsoleReporter,
  signal: AbortSignal,
): CommandContext<readonly OptionDefinition[]> {
  const dryRun = common.dryRun ?? false;
  const confirm = async (question: string, expected: string): Promise<void> => {
    if (dryRun || common.yes) return;
    await reporter.suspend(() => askForName(question, expected, signal));
  };
  return { config, flags, reporter, signal, dryRun, confirm };
}

async function printHelp(line: Exclude<CommandLine, Run>, json: boolean): Promise<ExitCode> {
  if (line.kind === "help") {
    await writeOut(line.text);
    return 0;
  }
  if (json) throw new OpsError("usage", "No command was given.", { hint: "add --help to see the commands" });
  await writeErr(line.text);
  return 2;
}

async function fail(title: string, error: unknown, json: boolean): Promise<ExitCode> {
  const failure = describeFailure(error, Boolean(process.env["DEBUG"]));
  try {
    await writeFailure(title, failure, json);
  } catch (writeError) {
    // Standard output is gone (a full disk, say): the person is told on what is left.
    await writeErr(`Error: Cannot write the result: ${(writeError as Error).message}.\n`);
  }
  return failure.exitCode;
}

function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === "AbortError";
}
