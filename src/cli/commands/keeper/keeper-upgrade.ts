import { defineCommand, type CommandDefinition } from '../../program/definition.js';

export const command: CommandDefinition = defineCommand({
  description:
    'Lets running keepers replace themselves by the installed version. Containers do not notice.',
  arguments: [],
  options: {},
  examples: [
    { command: 'warren keeper upgrade', what: 'Use a new version without stopping containers' },
  ],
  run: async (context) => {
    const engine = await context.engine();
    await engine.system.upgradeKeepers();
  },
});
