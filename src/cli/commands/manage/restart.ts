import { defined } from '../../config/defined.js';
import { integer } from '../../parse/number.js';
import { parseSignal } from '../../parse/signal.js';
import { argumentList, defineCommand, type CommandDefinition } from '../../program/definition.js';
import { value } from '../../program/option.js';
import { runBatch } from '../batch.js';

export const command: CommandDefinition = defineCommand({
  description: 'Stops containers as `warren stop` does and starts them again.',
  arguments: [argumentList('CONTAINER', { required: true, complete: 'container' })],
  options: {
    signal: value('-s, --signal <signal>', 'Signal that asks it to end', {
      parse: parseSignal,
      defaultText: "the container's",
    }),
    timeout: value('-t, --timeout <seconds>', 'Seconds until SIGKILL', {
      parse: integer({ min: 0, example: '30' }),
      defaultText: "the container's, 10",
    }),
  },
  examples: [
    { command: 'warren restart -t 2 web', what: 'Restart a container, with two seconds to end' },
  ],
  run: async (context, { args, options: flags }) => {
    const timeoutMs = flags.timeout === undefined ? undefined : flags.timeout * 1000;
    const stop = defined({ stopSignal: flags.signal, timeoutMs });
    return runBatch(context, (engine, batch) =>
      engine.containers.restart(args, { ...batch, ...stop }),
    );
  },
});
