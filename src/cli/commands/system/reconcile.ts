import { defineCommand, type CommandDefinition } from '../../program/definition.js';

export const command: CommandDefinition = defineCommand({
  description:
    'Commits the ends of containers that keepers saw, and removes those that ran with --rm. Keepers start it themselves.',
  arguments: [],
  options: {},
  examples: [],
  run: async (context) => {
    const engine = await context.engine();
    const result = await engine.system.reconcile();
    if (context.output.json) context.output.object(result);
  },
});
