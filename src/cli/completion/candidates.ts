import { globalOptions } from '../options/global.js';
import type { ArgumentSpec, CommandDefinition } from '../program/definition.js';
import { flagNames, type AnyOption, type Completion, type OptionTable } from '../program/option.js';
import { findCommand, groupSummaries, registry } from '../program/registry/registry.js';

export interface Candidate {
  readonly text: string;
  readonly help: string;
}

/** What a shell is to offer: words, or paths that it knows itself. */
export type Candidates =
  | { readonly kind: 'words'; readonly words: readonly Candidate[] }
  | { readonly kind: 'file' | 'directory' };

/** Names that only the engine knows. */
export interface NameSources {
  readonly container: () => Promise<readonly string[]>;
  readonly image: () => Promise<readonly string[]>;
  readonly volume: () => Promise<readonly string[]>;
  readonly network: () => Promise<readonly string[]>;
}

const nothing: Candidates = { kind: 'words', words: [] };

function startingWith(current: string, words: readonly Candidate[]): Candidates {
  return { kind: 'words', words: words.filter(({ text }) => text.startsWith(current)) };
}

function plain(texts: readonly string[]): Candidate[] {
  return texts.map((text) => ({ text, help: '' }));
}

async function valuesOf(
  completion: Completion | undefined,
  current: string,
  names: NameSources,
): Promise<Candidates> {
  if (completion === undefined) return nothing;
  if (completion === 'file' || completion === 'directory') return { kind: completion };
  const texts = typeof completion === 'string' ? await names[completion]() : completion;
  return startingWith(current, plain(texts));
}

function commandNames(current: string): Candidates {
  const own = registry
    .filter(({ path, group }) => path.length === 1 && group !== undefined)
    .map(({ path, summary }) => ({ text: path[0] ?? '', help: summary }));
  const groups = Object.entries(groupSummaries).map(([text, help]) => ({ text, help }));
  return startingWith(current, [...own, ...groups]);
}

function subcommandNames(group: string, current: string): Candidates {
  const entries = registry.filter(({ path }) => path.length === 2 && path[0] === group);
  return startingWith(
    current,
    entries.map(({ path, summary }) => ({ text: path[1] ?? '', help: summary })),
  );
}

function flagCandidates(options: OptionTable, current: string): Candidates {
  const flags = Object.values({ ...globalOptions, ...options }).map((option) => ({
    text: flagNames(option).long,
    help: option.help,
  }));
  return startingWith(current, [...flags, { text: '--help', help: 'Show this help' }]);
}

/** The option whose value the last word leaves open: `--name` or the last letter of `-itv`. */
function openOption(options: OptionTable, word: string): AnyOption | undefined {
  return Object.values(options).find((option) => {
    if (option.kind === 'flag' || option.kind === 'optional') return false;
    const { long, short } = flagNames(option);
    return (
      word === long ||
      (short !== undefined && /^-[a-zA-Z]+$/.test(word) && word.endsWith(short.slice(1)))
    );
  });
}

/** Words that are no flags and no values of flags. */
function positionals(options: OptionTable, words: readonly string[]): string[] {
  const found: string[] = [];
  for (let index = 0; index < words.length; index += 1) {
    const word = words[index] ?? '';
    if (!word.startsWith('-')) found.push(word);
    else if (openOption(options, word) !== undefined) index += 1;
  }
  return found;
}

function argumentAt(specs: readonly ArgumentSpec[], index: number): ArgumentSpec | undefined {
  const last = specs.at(-1);
  return specs[index] ?? (last?.variadic === true ? last : undefined);
}

interface Place {
  readonly definition: CommandDefinition;
  /** Words between the command and the cursor. */
  readonly words: readonly string[];
  readonly current: string;
}

async function inCommand(
  { definition, words, current }: Place,
  names: NameSources,
): Promise<Candidates> {
  const options = { ...globalOptions, ...definition.options };
  const open = openOption(options, words.at(-1) ?? '');
  if (open !== undefined) return valuesOf(open.complete, current, names);
  const arguments_ = positionals(options, words);
  const belongsInside = definition.passThrough === true && arguments_.length > 0;
  if (current.startsWith('-') && !belongsInside) return flagCandidates(definition.options, current);
  return valuesOf(argumentAt(definition.arguments, arguments_.length)?.complete, current, names);
}

/** What may stand at the cursor: `words` are those behind `warren`, the last one is being typed. */
export async function candidatesFor(
  words: readonly string[],
  names: NameSources,
): Promise<Candidates> {
  const current = words.at(-1) ?? '';
  const before = words.slice(0, -1);
  const open = openOption(globalOptions, before.at(-1) ?? '');
  const commandWords = positionals(globalOptions, before);
  const [first] = commandWords;
  if (first === undefined) {
    if (open !== undefined) return valuesOf(open.complete, current, names);
    return current.startsWith('-') ? flagCandidates({}, current) : commandNames(current);
  }
  const entry = findCommand(commandWords);
  if (entry === undefined)
    return first in groupSummaries ? subcommandNames(first, current) : nothing;
  const { command: definition } = await entry.load();
  const start = before.indexOf(first) + entry.path.length;
  return inCommand({ definition, words: before.slice(start), current }, names);
}
