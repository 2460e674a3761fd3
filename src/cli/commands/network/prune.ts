import { defineCommand, type CommandDefinition } from '../../program/definition.js';
import { confirm, forceOption } from '../confirm.js';

export const command: CommandDefinition = defineCommand({
  description: 'Removes networks that no container is connected to, but the default one.',
  arguments: [],
  options: { force: forceOption },
  examples: [{ command: 'warren network prune -f', what: 'Without a question' }],
  run: async (context, { options: { force } }) => {
    const warning = 'This removes all networks that no container is connected to.';
    if (!force && !(await confirm(context, warning))) return;
    const engine = await context.engine();
    const deleted = await engine.networks.prune();
    if (context.output.json) context.output.object({ deleted });
    else context.output.lines(deleted);
  },
});
