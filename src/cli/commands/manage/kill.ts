import { defined } from '../../config/defined.js';
import { parseSignal } from '../../parse/value/signal.js';
import { argumentList, defineCommand, type CommandDefinition } from '../../program/definition.js';
import { value } from '../../program/option.js';
import { runBatch } from '../batch.js';

export const command: CommandDefinition = defineCommand({
  description:
    'Sends one signal to the first process of containers. SIGKILL ends every process inside.',
  arguments: [argumentList('CONTAINER', { required: true, complete: 'container' })],
  options: {
    signal: value('-s, --signal <signal>', 'Signal by name or number', {
      parse: parseSignal,
      defaultText: 'SIGKILL',
    }),
  },
  examples: [
    { command: 'warren kill web', what: 'End a container at once' },
    { command: 'warren kill -s HUP web', what: 'Let a server read its configuration again' },
  ],
  run: async (context, { args, options: flags }) =>
    runBatch(context, (engine, batch) =>
      engine.containers.kill(args, { ...batch, ...defined({ stopSignal: flags.signal }) }),
    ),
});
