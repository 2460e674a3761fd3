import { argumentList, defineCommand, type CommandDefinition } from '../../program/definition.js';
import { runBatch } from '../batch.js';

export const command: CommandDefinition = defineCommand({
  description:
    'Freezes every process of containers. They keep their memory and use no CPU until `warren unpause`.',
  arguments: [argumentList('CONTAINER', { required: true, complete: 'container' })],
  options: {},
  examples: [{ command: 'warren pause web', what: 'Freeze a container' }],
  run: async (context, { args }) =>
    runBatch(context, (engine, batch) => engine.containers.pause(args, batch)),
});
