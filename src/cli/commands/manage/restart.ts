import { stopOptions, stopOptionsOf } from '../../options/stop.js';
import { argumentList, defineCommand, type CommandDefinition } from '../../program/definition.js';
import { runBatch } from '../batch.js';

export const command: CommandDefinition = defineCommand({
  description: 'Stops containers as `warren stop` does and starts them again.',
  arguments: [argumentList('CONTAINER', { required: true, complete: 'container' })],
  options: stopOptions,
  examples: [
    { command: 'warren restart -t 2 web', what: 'Restart a container, with two seconds to end' },
  ],
  run: async (context, { args, options: flags }) =>
    runBatch(context, (engine, batch) =>
      engine.containers.restart(args, { ...batch, ...stopOptionsOf(flags) }),
    ),
});
