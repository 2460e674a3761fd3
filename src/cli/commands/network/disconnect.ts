import { argument, defineCommand, type CommandDefinition } from '../../program/definition.js';

export const command: CommandDefinition = defineCommand({
  description: 'Takes a container out of a network, while it runs or for its next start.',
  arguments: [argument('NETWORK', 'network'), argument('CONTAINER', 'container')],
  options: {},
  examples: [{ command: 'warren network disconnect back web', what: 'Take web out of back' }],
  run: async (context, { args }) => {
    const engine = await context.engine();
    const [network = '', container = ''] = args;
    await engine.networks.disconnect(container, network);
  },
});
