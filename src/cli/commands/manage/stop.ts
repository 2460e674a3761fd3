import { stopOptions, stopOptionsOf } from '../../options/stop.js';
import { argumentList, defineCommand, type CommandDefinition } from '../../program/definition.js';
import { runBatch } from '../batch.js';

export const command: CommandDefinition = defineCommand({
  description:
    'Asks containers to end with their stop signal, and kills those that still run after the timeout.',
  arguments: [argumentList('CONTAINER', { required: true, complete: 'container' })],
  options: stopOptions,
  examples: [
    { command: 'warren stop web', what: 'Stop a container' },
    {
      command: 'warren stop -t 1 $(warren ps -q)',
      what: 'Stop all running containers, with little patience',
    },
  ],
  run: async (context, { args, options: flags }) =>
    runBatch(context, (engine, batch) =>
      engine.containers.stop(args, { ...batch, ...stopOptionsOf(flags) }),
    ),
});
