import { argumentList, defineCommand, type CommandDefinition } from '../../program/definition.js';
import { flag } from '../../program/option.js';
import { runBatch } from '../batch.js';

export const command: CommandDefinition = defineCommand({
  description: 'Removes stopped containers with their writable layers and logs.',
  arguments: [argumentList('CONTAINER', { required: true, complete: 'container' })],
  options: {
    force: flag('-f, --force', 'Kill running ones'),
    volumes: flag('-v, --volumes', 'Remove their anonymous volumes too'),
  },
  examples: [
    { command: 'warren rm job', what: 'Remove a stopped container' },
    { command: 'warren rm -f $(warren ps -aq)', what: 'Remove all containers, running ones too' },
  ],
  run: async (context, { args, options: { force, volumes } }) =>
    runBatch(context, (engine, batch) =>
      engine.containers.remove(args, { ...batch, force, volumes }),
    ),
});
