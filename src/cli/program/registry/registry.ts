import { containerCommands } from './container-commands.js';
import type { CommandEntry } from './entry.js';
import { storeCommands } from './store-commands.js';
import { systemCommands } from './system-commands.js';

/** Docker's other way to write them: `container run` is `run`. An image's name is no container for `container inspect`. */
const longForms: readonly CommandEntry[] = [
  ...containerCommands,
  ...storeCommands.filter(({ path }) => path.join(' ') === 'commit'),
]
  .filter(({ path }) => path.length === 1)
  .map((entry) => ({ ...entry, path: ['container', ...entry.path], again: true }))
  .map((entry) =>
    entry.path[1] === 'inspect'
      ? { ...entry, load: () => import('../../commands/watch/container-inspect.js') }
      : entry,
  );

/** What the words that only group commands stand for. */
export const groupSummaries: Readonly<Record<string, string>> = {
  container: 'Manage containers: the commands of the same names',
  image: 'Manage images',
  volume: 'Manage volumes',
  network: 'Manage networks',
  port: 'List the published ports of a container, and change them',
  keeper: 'Manage the keepers',
  builder: 'Manage the build cache',
  system: 'Look after this engine',
};

/** Every command. Definitions are loaded one by one: listing the commands costs nothing. */
export const registry: readonly CommandEntry[] = [
  ...containerCommands,
  ...longForms,
  ...storeCommands,
  ...systemCommands,
];

/** The entry for the words at the start of a command line, and how many of them it takes. */
export function findCommand(words: readonly string[]): CommandEntry | undefined {
  const [first = '', second = ''] = words;
  const isNamed = (entry: CommandEntry, name: string): boolean =>
    entry.path.at(-1) === name || (entry.aliases?.includes(name) ?? false);
  return registry.find((entry) =>
    entry.path.length === 1
      ? isNamed(entry, first)
      : entry.path[0] === first && isNamed(entry, second),
  );
}
