import { defined } from '../../config/defined.js';
import { integer } from '../../parse/number.js';
import { parseSignal } from '../../parse/signal.js';
import { argumentList, defineCommand, type CommandDefinition } from '../../program/definition.js';
import { value } from '../../program/option.js';
import { runBatch } from '../batch.js';

export const command: CommandDefinition = defineCommand({
  description:
    'Asks containers to end with their stop signal, and kills those that still run after the timeout.',
  arguments: [argumentList('CONTAINER', { required: true, complete: 'container' })],
  options: {
    signal: value('-s, --signal <signal>', 'Signal that asks it to end', {
      parse: parseSignal,
      defaultText: "the container's",
    }),
    timeout: value('-t, --timeout <seconds>', 'Seconds until SIGKILL; -1: never', {
      parse: integer({ min: -1, example: '30' }),
      defaultText: "the container's, 10",
    }),
  },
  examples: [
    { command: 'warren stop web', what: 'Stop a container' },
    {
      command: 'warren stop -t 1 $(warren ps -q)',
      what: 'Stop all running containers, with little patience',
    },
  ],
  run: async (context, { args, options: flags }) => {
    const stop = defined({ stopSignal: flags.signal, timeoutMs: timeoutMs(flags.timeout) });
    return runBatch(context, (engine, batch) =>
      engine.containers.stop(args, { ...batch, ...stop }),
    );
  },
});

/** -1 is docker's word for a wait without end. */
function timeoutMs(seconds: number | undefined): number | undefined {
  if (seconds === undefined) return undefined;
  return seconds < 0 ? Number.MAX_SAFE_INTEGER : seconds * 1000;
}
