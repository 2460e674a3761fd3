import { argument, defineCommand, type CommandDefinition } from '../../program/definition.js';

export const command: CommandDefinition = defineCommand({
  description: 'Gives an image one more name. Another image that had it loses it.',
  arguments: [argument('IMAGE', 'image'), argument('NAME')],
  options: {},
  examples: [
    { command: 'warren tag app registry.local:5000/app:v1', what: 'Name it for a registry' },
  ],
  run: async (context, { args: [image = '', name = ''] }) => {
    const engine = await context.engine();
    const { id, references } = await engine.images.tag(image, name);
    if (context.output.json) context.output.object({ id, references });
  },
});
