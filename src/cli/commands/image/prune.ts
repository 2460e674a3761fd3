import { defineCommand, type CommandDefinition } from '../../program/definition.js';
import { collectFilters, parseFilter } from '../../parse/policy.js';
import { flag, list } from '../../program/option.js';
import { confirm, forceOption } from '../confirm.js';
import { printPruned } from '../prune.js';

export const command: CommandDefinition = defineCommand({
  description: 'Removes image data that has no name and that no container uses.',
  arguments: [],
  options: {
    all: flag('-a, --all', 'Also images with a name that no container uses'),
    filter: list('--filter <filter>', 'until=TIME, label=KEY[=VALUE]', { parse: parseFilter }),
    force: forceOption,
  },
  examples: [{ command: 'warren image prune -f', what: 'Free the space without a question' }],
  run: async (context, { options: flags }) => {
    if (
      !flags.force &&
      !(await confirm(
        context,
        flags.all
          ? 'This removes all images that no container uses.'
          : 'This removes all image data without a name.',
      ))
    )
      return;
    const engine = await context.engine();
    printPruned(
      context.output,
      'images',
      await context.withProgress(() =>
        engine.images.prune({ all: flags.all, filters: collectFilters(flags.filter) }),
      ),
    );
  },
});
