import { failuresOf, isWarrenError } from '../../base/errors.js';
import { ProgramContext } from '../context.js';
import { exitCodeOf, exitCodes, signalExitCode } from '../exit-code.js';
import { globalOptions, type GlobalOptions } from '../options/global.js';
import { Output } from '../output.js';
import { reportError } from '../report-error.js';
import type { Signals } from '../signals.js';
import { packageVersion } from '../../base/package.js';
import { normalizeArguments } from './arguments.js';
import { programFor, programWithNames, translated } from './build.js';
import type { CommandDefinition, CommandInput } from './definition.js';
import { flag, type OptionTable } from './option.js';
import type { CommandEntry } from './registry/entry.js';
import { findCommand, groupSummaries } from './registry/registry.js';
import { optionValues } from './values.js';

const rootOptions: OptionTable = {
  ...globalOptions,
  version: flag('-v, --version', 'Show the version'),
  help: flag('-h, --help', 'Show this help'),
};

/** A command line cut into global flags, the command and what is left for it. */
interface Split {
  readonly globals: readonly string[];
  readonly words: readonly string[];
}

function split(argv: readonly string[]): Split {
  const normalized = normalizeArguments(argv, { options: rootOptions, passThrough: true });
  const first = normalized.findIndex((word) => !word.startsWith('-'));
  const cut = first < 0 ? normalized.length : first;
  const globals = normalized.slice(0, cut).filter((word) => word !== '--');
  const words = normalized.slice(cut);
  // `warren help image ls` is `warren image ls --help`.
  return words[0] === 'help'
    ? { globals, words: [...words.slice(1), '--help'] }
    : { globals, words };
}

interface Parsed {
  readonly globals: GlobalOptions;
  readonly input: CommandInput<never>;
}

interface Chosen {
  readonly entry: CommandEntry;
  readonly definition: CommandDefinition;
}

const toStdout = {
  write: (text: string): void => {
    process.stdout.write(text);
  },
  get columns(): number | undefined {
    return process.stdout.columns;
  },
};

function parse({ entry, definition }: Chosen, { globals, words }: Split): Parsed {
  const { program, command } = programFor(entry, definition, toStdout);
  const rest = normalizeArguments(words.slice(entry.path.length), {
    options: { ...globalOptions, ...definition.options },
    passThrough: definition.passThrough ?? false,
  });
  program.parse([...globals, ...entry.path, ...rest], { from: 'user' });
  const own = optionValues(definition.options, command.opts());
  // A command's own flag hides the global one of the same name.
  const behind = Object.entries(command.opts()).filter(([key]) => !(key in definition.options));
  const inherited = { ...Object.fromEntries(behind), ...program.opts() };
  return {
    globals: optionValues(globalOptions, inherited) as unknown as GlobalOptions,
    // The definition's own table made these values: its types hold.
    input: { args: command.args, options: own as never },
  };
}

/** Nothing to run: `--version`, help, or a name that is no command. Throws for the latter. */
function withoutCommand({ globals, words }: Split): number {
  if (globals.includes('--version')) {
    process.stdout.write(`warren version ${packageVersion()}\n`);
    return exitCodes.ok;
  }
  const asksHelp =
    words.length === 0 || (words[0] ?? '') in groupSummaries || globals.includes('--help');
  const isGroupAlone = words.length === 1 && (words[0] ?? '') in groupSummaries;
  const argv = words.length === 0 || isGroupAlone ? [...words, '--help'] : words;
  programWithNames(toStdout).parse([...globals, ...argv], { from: 'user' });
  return asksHelp ? exitCodes.ok : exitCodes.failure;
}

/** Runs one command line and returns the exit code. Errors are reported here, and nowhere else. */
export async function runProgram(argv: readonly string[], signals: Signals): Promise<number> {
  let command = '';
  let output = new Output(process, { json: argv.includes('--json') && !argv.includes('--') });
  try {
    const parts = split(argv);
    const entry = findCommand(parts.words);
    if (entry === undefined) return withoutCommand(parts);
    command = entry.path.join(' ');
    const { command: definition } = await entry.load();
    const { globals, input } = parse({ entry, definition }, parts);
    output = new Output(process, { json: globals.json });
    await using context = new ProgramContext({ globals, output, signals });
    const code = await definition.run(context, input);
    return signals.received === undefined
      ? (code ?? exitCodes.ok)
      : signalExitCode(signals.received);
  } catch (thrown) {
    const [first, ...later] = failuresOf(thrown);
    const error = translated(first, `warren ${command}`.trimEnd());
    if (error === undefined) return exitCodes.ok;
    // Whoever ended the work knows that it was ended.
    const isWanted = signals.received !== undefined && isWarrenError(error, 'canceled');
    if (signals.received !== 'SIGPIPE' && !isWanted) reportError(output, error);
    for (const failure of later) reportError(output, failure);
    return exitCodeOf(error, { command, signal: signals.received });
  }
}
