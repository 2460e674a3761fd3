import type { ChangeKind } from '../../../storage/driver.js';
import { argument, defineCommand, type CommandDefinition } from '../../program/definition.js';
import { printable } from '../../render/printable.js';

const letters: Readonly<Record<ChangeKind, string>> = { added: 'A', changed: 'C', deleted: 'D' };
/** Docker's API numbers them. */
const numbers: Readonly<Record<ChangeKind, number>> = { changed: 0, added: 1, deleted: 2 };

export const command: CommandDefinition = defineCommand({
  description:
    'Lists what a container changed in its root file system: A added, C changed, D deleted.',
  arguments: [argument('CONTAINER', 'container')],
  options: {},
  examples: [{ command: 'warren diff web', what: 'See what a container has written' }],
  run: async (context, { args }) => {
    const { output } = context;
    const engine = await context.engine();
    const container = await engine.get(args[0] ?? '');
    const changes = await container.files.diff();
    if (output.json)
      output.lines(
        changes.map(({ kind, path }) => JSON.stringify({ Kind: numbers[kind], Path: path })),
      );
    else output.lines(changes.map(({ kind, path }) => `${letters[kind]} ${printable(path)}`));
  },
});
