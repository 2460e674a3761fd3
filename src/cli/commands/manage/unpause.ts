import { argumentList, defineCommand, type CommandDefinition } from '../../program/definition.js';
import { runBatch } from '../batch.js';

export const command: CommandDefinition = defineCommand({
  description: 'Lets every process of frozen containers go on.',
  arguments: [argumentList('CONTAINER', { required: true, complete: 'container' })],
  options: {},
  examples: [{ command: 'warren unpause web', what: 'Let a container go on' }],
  run: async (context, { args }) =>
    runBatch(context, (engine, batch) => engine.containers.unpause(args, batch)),
});
