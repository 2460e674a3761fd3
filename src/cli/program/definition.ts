import type { CommandContext } from '../context.js';
import type { Completion, OptionTable, OptionValues } from './option.js';

export interface ArgumentSpec {
  /** As in the usage line: `CONTAINER`. */
  readonly name: string;
  readonly required: boolean;
  /** The last one may take several. */
  readonly variadic: boolean;
  readonly complete?: Completion;
}

export interface Example {
  readonly command: string;
  /** What it does: a sentence without a final period. */
  readonly what: string;
}

interface DefinitionBase {
  /** More than the summary, in full sentences. */
  readonly description: string;
  readonly arguments: readonly ArgumentSpec[];
  readonly examples: readonly Example[];
  /** Lines on what the exit code means, where it is not just 0 or 1. */
  readonly exitCodes?: readonly string[];
  /** Everything behind the first argument belongs to the command that runs inside. */
  readonly passThrough?: boolean;
}

/** What a handler works on. */
export interface CommandInput<V> {
  readonly args: readonly string[];
  readonly options: V;
}

/** A command as the program sees it: its types are those of its own table. */
export interface CommandDefinition extends DefinitionBase {
  readonly options: OptionTable;
  /** The exit code; undefined: 0. */
  readonly run: (context: CommandContext, input: CommandInput<never>) => Promise<number | void>;
}

/** Ties the types of a command's handler to its table of options. */
export function defineCommand<const T extends OptionTable>(
  definition: DefinitionBase & {
    readonly options: T;
    readonly run: (
      context: CommandContext,
      input: CommandInput<OptionValues<T>>,
    ) => Promise<number | void>;
  },
): CommandDefinition {
  return definition;
}

/** `NAME`, required. */
export function argument(name: string, complete?: Completion): ArgumentSpec {
  return { name, required: true, variadic: false, ...(complete === undefined ? {} : { complete }) };
}

/** `[NAME]` */
export function optionalArgument(name: string, complete?: Completion): ArgumentSpec {
  return { ...argument(name, complete), required: false };
}

/** `NAME [NAME...]`, or `[NAME...]` when none is needed. */
export function argumentList(
  name: string,
  settings: { readonly required: boolean; readonly complete?: Completion },
): ArgumentSpec {
  return { ...argument(name, settings.complete), required: settings.required, variadic: true };
}
