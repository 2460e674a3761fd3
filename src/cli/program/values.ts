import { Option, type Command } from 'commander';
import { bareMark } from './arguments.js';
import { camelCase, flagNames, type AnyOption, type OptionTable } from './option.js';
import { refusedValue } from './usage-error.js';

function parseWithName(
  option: Exclude<AnyOption, { readonly kind: 'flag' }>,
  text: string,
): unknown {
  if (option.kind === 'optional' && text === bareMark) return option.bare;
  try {
    return option.parse(text);
  } catch (error) {
    throw refusedValue(error, { flag: flagNames(option).long, value: text });
  }
}

function commanderOption(option: AnyOption): Option {
  const shown =
    option.defaultText === undefined
      ? option.help
      : `${option.help} (default: ${option.defaultText})`;
  // commander reads `[x]` as "takes the next argument": the form with = is for the help only.
  const made = new Option(option.flags.replace(/\[=?([^\]]+)\]$/, '<$1>'), shown);
  if (option.group !== undefined) made.helpGroup(`${option.group}:`);
  if (option.kind === 'flag') return made;
  return made.argParser((text, previous: unknown) => {
    const parsed = parseWithName(option, text);
    return option.kind === 'list'
      ? [...((previous as unknown[] | undefined) ?? []), parsed]
      : parsed;
  });
}

/** Gives a commander command the options of a table. */
export function addOptions(command: Command, options: OptionTable): void {
  for (const option of Object.values(options)) {
    command.addOption(commanderOption(option));
    if (option.kind === 'flag' && option.default) {
      const { long } = flagNames(option);
      command.addOption(new Option(long.replace(/^--/, '--no-')).hideHelp());
    }
  }
}

/** Adds what is not already there, out of sight: global options are understood behind a command too. */
export function addHiddenOptions(command: Command, options: OptionTable): void {
  const known = new Set(command.options.flatMap(({ short, long }) => [short, long]));
  for (const option of Object.values(options)) {
    const { long } = flagNames(option);
    if (!known.has(long))
      command.addOption(
        commanderOption({ ...option, flags: option.flags.replace(/^-\w, /, '') }).hideHelp(),
      );
  }
}

function optionValue(option: AnyOption, parsed: Readonly<Record<string, unknown>>): unknown {
  const key = camelCase(flagNames(option).long);
  if (option.kind === 'list') return parsed[key] ?? [];
  if (option.kind !== 'flag') return parsed[key];
  // commander stores `--no-stream` as `stream`, which is true until the flag is given.
  const negated = /^no([A-Z].*)$/.exec(key)?.[1];
  if (negated === undefined) return parsed[key] ?? option.default;
  return parsed[negated.charAt(0).toLowerCase() + negated.slice(1)] === false;
}

/** Every key of the table with its value, defaults applied. */
export function optionValues(
  options: OptionTable,
  parsed: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    Object.entries(options).map(([key, option]) => [key, optionValue(option, parsed)]),
  );
}
