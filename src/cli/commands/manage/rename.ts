import { argument, defineCommand, type CommandDefinition } from '../../program/definition.js';

export const command: CommandDefinition = defineCommand({
  description: 'Gives a container another name. It may run.',
  arguments: [argument('CONTAINER', 'container'), argument('NAME')],
  options: {},
  examples: [{ command: 'warren rename web web-old', what: 'Rename a container' }],
  run: async (context, { args }) => {
    const [reference = '', name = ''] = args;
    const engine = await context.engine();
    const container = await engine.get(reference);
    await container.rename(name);
    if (context.output.json) context.output.object({ id: container.id, name });
  },
});
