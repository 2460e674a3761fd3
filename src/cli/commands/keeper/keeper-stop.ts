import { defineCommand, type CommandDefinition } from '../../program/definition.js';
import { flag } from '../../program/option.js';

export const command: CommandDefinition = defineCommand({
  description:
    'Ends the keepers of this run dir. While containers run that is refused, unless forced: then they are killed.',
  arguments: [],
  options: { force: flag('-f, --force', 'Kill running containers') },
  examples: [{ command: 'warren keeper stop', what: 'End the keepers when nothing runs any more' }],
  run: async (context, { options: { force } }) => {
    const engine = await context.engine();
    await engine.system.shutdown({ force });
  },
});
