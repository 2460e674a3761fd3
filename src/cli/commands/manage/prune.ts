import { collectFilters, parseFilter } from '../../parse/policy.js';
import { defineCommand, type CommandDefinition } from '../../program/definition.js';
import { list } from '../../program/option.js';
import { confirm, forceOption } from '../confirm.js';
import { printPruned } from '../prune.js';

export const command: CommandDefinition = defineCommand({
  description: 'Removes all containers that do not run.',
  arguments: [],
  options: {
    filter: list('--filter <filter>', 'Only those that match: until=TIME, label=KEY[=VALUE]', {
      parse: parseFilter,
    }),
    force: forceOption,
  },
  examples: [
    { command: 'warren prune -f', what: 'Remove all stopped containers without a question' },
    {
      command: 'warren prune --filter until=24h',
      what: 'Remove those created more than a day ago',
    },
  ],
  run: async (context, { options: flags }) => {
    if (!flags.force && !(await confirm(context, 'This removes all stopped containers.'))) return;
    const engine = await context.engine();
    const result = await context.withProgress(() =>
      engine.containers.prune(collectFilters(flags.filter)),
    );
    printPruned(context.output, 'containers', result);
  },
});
