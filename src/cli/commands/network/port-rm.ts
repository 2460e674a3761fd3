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
    "Ends the publishing of ports: every one of a container's port, or only the one that is named. Connections that there are go on.",
  arguments: [argument('CONTAINER', 'container'), argumentList('PORT', { required: true })],
  options: {},
  examples: [
    { command: 'warren port rm web 80', what: 'Port 80 answers nowhere any more' },
    { command: 'warren port rm web 8080:80', what: 'Only on port 8080 of the host' },
  ],
  run: async (context, { args }) => {
    const [container = '', ...texts] = args;
    const ports = texts.flatMap((text) => parseArgument('PORT', text, parsePublish));
    const engine = await context.engine();
    printPorts(context, await engine.networks.unpublish(container, ports));
  },
});
