import type { Config } from "../config/config.ts";
import type { Reporter } from "./reporter.ts";

/**
 * One flag of a command. `--to <DIR>` takes a value, `--force` is a boolean; `--batch-size <N>` is read as `flags.batchSize`.
 */
export interface OptionDefinition {
  readonly flag: `--${string}`;
  readonly summary: string;
  /** How the value is read; text when left out. `integer` refuses anything but a whole number within `min` and `max`. */
  readonly type?: "text" | "integer";
  readonly min?: number;
  readonly max?: number;
  readonly choices?: readonly string[];
  readonly default?: string | number;
  readonly required?: boolean;
}

type CamelCase<Name extends string> = Name extends `${infer Head}-${infer Tail}`
  ? `${Head}${Capitalize<CamelCase<Tail>>}`
  : Name;

type FlagName<Flag> = Flag extends `--${infer Name} ${string}`
  ? CamelCase<Name>
  : Flag extends `--${infer Name}`
    ? CamelCase<Name>
    : never;

type Given<Option> = Option extends { required: true } | { default: string | number } ? never : undefined;

type FlagValue<Option> = Option extends { flag: `${string}<${string}` }
  ? | Given<Option>
    | (Option extends { choices: readonly (infer Choice)[] }
        ? Choice
        : Option extends { type: "integer" }
          ? number
          : string)
  : boolean;

/** The values of a command's own flags, typed after their definitions where these are known. */
export type Flags<Options extends readonly OptionDefinition[]> = readonly OptionDefinition[] extends Options
  ? Readonly<Record<string, unknown>>
  : { readonly [Option in Options[number] as FlagName<Option["flag"]>]: FlagValue<Option> };

/** What a command gets: checked settings, its flags, and the ways to speak to the person. */
export interface CommandContext<Options extends readonly OptionDefinition[] = readonly []> {
  readonly config: Config;
  readonly flags: Flags<Options>;
  readonly reporter: Reporter;
  /** Aborted on Ctrl-C or SIGTERM, with an OpsError as its reason: stop at the next safe point and throw that reason. */
  readonly signal: AbortSignal;
  /** Nothing may be written while this is true. */
  readonly dryRun: boolean;
  /**
   * Returns once the person typed `expected`; at once with `--yes` or `--dry-run`.
   *
   * @throws OpsError `cancelled` on another answer, `usage` where nobody can answer.
   */
  readonly confirm: (question: string, expected: string) => Promise<void>;
}

/** What a command did. `ok: false` is for a run that worked and found differences: exit code 1. */
export interface CommandResult {
  ok: boolean;
  /** Lines for a person on stdout. */
  summary: string[];
  /** Facts for `--json`, beside `command` and `ok`. */
  data: Record<string, unknown>;
}

export interface CommandDefinition<Options extends readonly OptionDefinition[] = readonly OptionDefinition[]> {
  readonly summary: string;
  /** Paragraphs for `--help`. */
  readonly description?: string;
  /** Command lines for `--help`, without the `npx zx ops/...` before them. */
  readonly examples?: readonly string[];
  readonly options?: Options;
  /** What the command destroys, for `--help`; such a command calls `confirm` once it knows what would be lost. */
  readonly destructive?: string;
  /** True for a command whose purpose is to print a secret: its result, and nothing else, leaves out the redaction. */
  readonly printsSecrets?: boolean;
  run(context: CommandContext<Options>): Promise<CommandResult>;
}

/**
 * Returns the definition as it is: the flags that `run` gets are typed after `options`.
 *
 * The parser builds the flags from the same `options`, which is why the type may be forgotten here.
 */
export function command<const Options extends readonly OptionDefinition[] = readonly []>(
  definition: CommandDefinition<Options>,
): AnyCommand {
  return definition as unknown as AnyCommand;
}

/** A command whose flags are not known by type any more. */
export type AnyCommand = CommandDefinition;

/** A script of several commands by name, or (without `commands`, like `command` in all else) one that is a command itself. */
export type ScriptDefinition =
  | {
      readonly name: string;
      readonly summary: string;
      readonly commands: Readonly<Record<string, AnyCommand>>;
      readonly run?: never;
    }
  | (AnyCommand & { readonly name: string; readonly commands?: never });
