import { Command, CommanderError } from 'commander';
import { WarrenError } from '../../base/errors.js';
import { globalOptions } from '../options/global.js';
import type { ArgumentSpec, CommandDefinition } from './definition.js';
import { helpFooter, helpStyle, usageOf } from './help.js';
import type { CommandEntry } from './registry/entry.js';
import { groupSummaries, registry } from './registry/registry.js';
import { flagError, usageError } from './usage-error.js';
import { addHiddenOptions, addOptions } from './values.js';

/** Where commander's text goes: its errors are reported by us. */
interface Sink {
  readonly write: (text: string) => void;
  readonly columns: number | undefined;
}

function prepare(command: Command, sink: Sink): Command {
  return command
    .exitOverride()
    .configureHelp(helpStyle)
    .helpCommand(false)
    .configureOutput({
      writeOut: sink.write,
      writeErr: sink.write,
      outputError: () => undefined,
      getOutHelpWidth: () => sink.columns ?? 100,
    });
}

function argumentSyntax({ name, required, variadic }: ArgumentSpec): string {
  const word = variadic ? `${name}...` : name;
  return required ? `<${word}>` : `[${word}]`;
}

/** `-h` is `--hostname` for commands that have it. */
function helpFlags(definition: CommandDefinition): string {
  const hasOwn = Object.values(definition.options).some(({ flags }) => flags.startsWith('-h,'));
  return hasOwn ? '--help' : '-h, --help';
}

function defineOn(command: Command, definition: CommandDefinition): void {
  command.description(definition.description).usage(usageOf(definition));
  command.helpOption(helpFlags(definition), 'Show this help');
  command.addHelpText('after', helpFooter(definition));
  for (const spec of definition.arguments) command.argument(argumentSyntax(spec));
  addOptions(command, definition.options);
  addHiddenOptions(command, globalOptions);
  command.passThroughOptions(definition.passThrough ?? false).action(() => undefined);
}

/** The command that groups others (`image`), made at its first use. */
function parentOf(program: Command, entry: CommandEntry, sink: Sink): Command {
  const [group = ''] = entry.path;
  if (entry.path.length === 1) return program;
  const existing = program.commands.find((command) => command.name() === group);
  if (existing !== undefined) return existing;
  const made = prepare(new Command(group), sink);
  made
    .summary(groupSummaries[group] ?? '')
    .description(groupSummaries[group] ?? '')
    .usage('COMMAND');
  made.helpOption('-h, --help', 'Show this help').helpGroup(`${entry.group ?? ''}:`);
  program.addCommand(made.enablePositionalOptions(), { hidden: entry.group === undefined });
  return made;
}

function addEntry(program: Command, entry: CommandEntry, sink: Sink): Command {
  const parent = parentOf(program, entry, sink);
  // A word that groups others may be a command itself.
  const made = parent.commands.find((existing) => existing.name() === entry.path.at(-1));
  if (made !== undefined) return made.summary(entry.summary);
  const command = prepare(new Command(entry.path.at(-1)), sink);
  command.aliases([...(entry.aliases ?? [])]).summary(entry.summary);
  command.helpGroup(entry.path.length > 1 ? 'Commands:' : `${entry.group ?? ''}:`);
  parent.addCommand(command, { hidden: entry.group === undefined });
  return command;
}

/** The root of the program, with global options only. */
function newProgram(sink: Sink): Command {
  const program = prepare(new Command('warren'), sink);
  program
    .description('OS-level containers for Linux: thousands on one machine')
    .usage('[OPTIONS] COMMAND');
  program.helpOption('-h, --help', 'Show this help').enablePositionalOptions();
  program.option('-v, --version', 'Show the version');
  addOptions(program, globalOptions);
  program.addHelpText(
    'after',
    '\nRun `warren COMMAND --help` for the flags of a command and examples.',
  );
  return program;
}

/** The program with one command complete, for running it. */
export function programFor(
  entry: CommandEntry,
  definition: CommandDefinition,
  sink: Sink,
): { readonly program: Command; readonly command: Command } {
  const program = newProgram(sink);
  const command = addEntry(program, entry, sink);
  defineOn(command, definition);
  return { program, command };
}

/** The program with the names of all commands, for its help and for telling what a wrong name may mean. */
export function programWithNames(sink: Sink): Command {
  const program = newProgram(sink);
  for (const entry of registry) addEntry(program, entry, sink);
  return program;
}

const helpCodes = ['commander.help', 'commander.helpDisplayed', 'commander.version'];

function sentence(message: string): readonly [string, string | undefined] {
  const [first = '', second] = message.replace(/^error: /, '').split('\n');
  const suggestion = /\(Did you mean (.*)\?\)/.exec(second ?? '')?.[1];
  const text = first.charAt(0).toUpperCase() + first.slice(1);
  return [
    text.replaceAll("'", '"'),
    suggestion === undefined ? undefined : `Did you mean ${suggestion}?`,
  ];
}

/** commander's errors in our words; undefined when help was shown and all is well. */
export function translated(error: unknown, commandLine: string): unknown {
  if (!(error instanceof CommanderError)) return error;
  if (helpCodes.includes(error.code)) return undefined;
  const [message, suggestion] = sentence(error.message);
  const hint = suggestion ?? `See \`${commandLine} --help\``;
  if (error.code === 'commander.unknownOption') {
    return flagError('UNKNOWN_FLAG', message.replace('Unknown option', 'Unknown flag'), hint);
  }
  if (error.code === 'commander.missingArgument') {
    const name = /"(.*)"/.exec(message)?.[1] ?? '';
    return usageError(`${commandLine} needs the argument ${name}`, hint);
  }
  if (error.code === 'commander.excessArguments')
    return usageError(`${commandLine} got too many arguments`, hint);
  if (error.code === 'commander.unknownCommand') return usageError(message, hint);
  return new WarrenError('invalidArgument', 'BAD_USAGE', message, { hint, cause: error });
}
