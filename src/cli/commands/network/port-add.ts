import { parseArgument } from '../../parse/value/argument.js';
import { parsePublish } from '../../parse/ports.js';
import {
  argument,
  argumentList,
  defineCommand,
  type CommandDefinition,
} from '../../program/definition.js';
import { printPorts } from './changed-ports.js';

export const command: CommandDefinition = defineCommand({
  description:
    'Publishes ports of a container, at once when it runs and at its later starts. Prints where they answer.',
  arguments: [argument('CONTAINER', 'container'), argumentList('PORT', { required: true })],
  options: {},
  examples: [
    { command: 'warren port add web 8080:80', what: 'Port 80 on port 8080 of the host' },
    {
      command: 'warren port add web 127.0.0.1::53/udp',
      what: 'On a free port, for the host alone',
    },
  ],
  run: async (context, { args }) => {
    const [container = '', ...texts] = args;
    const ports = texts.flatMap((text) => parseArgument('PORT', text, parsePublish));
    const engine = await context.engine();
    printPorts(context, await engine.networks.publish(container, ports));
  },
});
