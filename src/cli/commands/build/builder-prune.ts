import { defineCommand, type CommandDefinition } from '../../program/definition.js';
import { confirm, forceOption } from '../confirm.js';
import { printPruned } from '../prune.js';

export const command: CommandDefinition = defineCommand({
  description:
    'Removes the build cache: results of steps that no image has, and the directories of RUN --mount=type=cache. What a build that runs needs stays.',
  arguments: [],
  options: { force: forceOption },
  examples: [{ command: 'warren builder prune -f', what: 'Free the space without a question' }],
  run: async (context, { options: flags }) => {
    if (!flags.force && !(await confirm(context, 'This removes the build cache.'))) return;
    const engine = await context.engine();
    const pruned = await context.withProgress(() => engine.images.pruneBuilds());
    printPruned(context.output, 'steps', pruned);
  },
});
