import { defineCommand, type CommandDefinition } from '../../program/definition.js';
import { confirm, forceOption } from '../confirm.js';
import { printPruned } from '../prune.js';

export const command: CommandDefinition = defineCommand({
  description: 'Removes image data that has no name and that no container uses.',
  arguments: [],
  options: { force: forceOption },
  examples: [{ command: 'warren image prune -f', what: 'Free the space without a question' }],
  run: async (context, { options: flags }) => {
    if (!flags.force && !(await confirm(context, 'This removes all image data without a name.')))
      return;
    const engine = await context.engine();
    printPruned(context.output, 'images', await context.withProgress(() => engine.images.prune()));
  },
});
