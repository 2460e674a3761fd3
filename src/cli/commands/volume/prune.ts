import { defineCommand, type CommandDefinition } from '../../program/definition.js';
import { collectFilters, parseFilter } from '../../parse/policy.js';
import { flag, list } from '../../program/option.js';
import { confirm, forceOption } from '../confirm.js';
import { printPruned } from '../prune.js';

export const command: CommandDefinition = defineCommand({
  description: 'Removes anonymous volumes that no container uses; with -a those with names too.',
  arguments: [],
  options: {
    all: flag('-a, --all', 'Those with names too'),
    filter: list('--filter <filter>', 'label=KEY[=VALUE], name=PART', { parse: parseFilter }),
    force: forceOption,
  },
  examples: [
    {
      command: 'warren volume prune -f',
      what: 'Remove unused anonymous volumes without a question',
    },
  ],
  run: async (context, { options: { all, filter, force } }) => {
    const warning = all
      ? 'This removes all volumes that no container uses.'
      : 'This removes anonymous volumes that no container uses.';
    if (!force && !(await confirm(context, warning))) return;
    const engine = await context.engine();
    printPruned(
      context.output,
      'volumes',
      await context.withProgress(() =>
        engine.volumes.prune({ all, filters: collectFilters(filter) }),
      ),
    );
  },
});
