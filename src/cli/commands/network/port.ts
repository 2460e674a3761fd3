import { WarrenError } from '../../../base/errors.js';
import { portBindings } from '../../../model/network/published-port.js';
import { hasPorts } from '../../../model/status.js';
import { parseArgument } from '../../parse/value/argument.js';
import { parsePort } from '../../parse/ports.js';
import {
  argument,
  defineCommand,
  optionalArgument,
  type CommandDefinition,
} from '../../program/definition.js';
import { bindingText } from '../../views/port-text.js';

export const command: CommandDefinition = defineCommand({
  description:
    'Lists where the ports of a container answer on the host; of one port, only the addresses. `warren port add` and `warren port rm` change them.',
  arguments: [argument('CONTAINER', 'container'), optionalArgument('PORT')],
  options: {},
  examples: [
    { command: 'warren port web', what: 'All published ports' },
    { command: 'warren port web 80/tcp', what: 'Where port 80 answers' },
  ],
  run: async (context, { args }) => {
    const [reference = '', port] = args;
    const engine = await context.engine();
    const container = await engine.get(reference);
    const { record, state } = await container.inspect();
    const all = hasPorts(state.status) ? portBindings(record) : [];
    const wanted = port === undefined ? undefined : parseArgument('PORT', port, parsePort);
    const bindings =
      wanted === undefined
        ? all
        : all.filter(
            ({ containerPort, protocol }) =>
              containerPort === wanted.port && protocol === wanted.protocol,
          );
    if (wanted !== undefined && bindings.length === 0) {
      throw new WarrenError(
        'notFound',
        'PORT_NOT_PUBLISHED',
        `No public port '${wanted.port}/${wanted.protocol}' published for ${reference}`,
      );
    }
    if (context.output.json) {
      context.output.object({ Ports: bindings });
      return;
    }
    context.output.lines(
      bindings.map((binding) =>
        wanted === undefined
          ? `${binding.containerPort}/${binding.protocol} -> ${bindingText(binding)}`
          : bindingText(binding),
      ),
    );
  },
});
