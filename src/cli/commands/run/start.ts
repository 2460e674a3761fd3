import type { CommandContext } from '../../context.js';
import { exitCodes } from '../../exit-code.js';
import { argumentList, defineCommand, type CommandDefinition } from '../../program/definition.js';
import { flag } from '../../program/option.js';
import { usageError } from '../../program/usage-error.js';
import { connect } from '../../terminal/connect.js';
import { runBatch } from '../batch.js';
import {
  detachKeysOf,
  detachKeysOption,
  requireTerminal,
  sigProxyOption,
  terminalOf,
  untilRemoved,
} from './foreground.js';

interface StartFlags {
  readonly attach: boolean;
  readonly interactive: boolean;
  readonly sigProxy: boolean;
  readonly detachKeys: Uint8Array | undefined;
}

async function startAttached(
  context: CommandContext,
  reference: string,
  flags: StartFlags,
): Promise<number> {
  const engine = await context.engine();
  const container = await engine.get(reference);
  const { tty, stdinOpen, autoRemove } = container.spec;
  const stdin = flags.interactive && stdinOpen;
  requireTerminal({ tty, stdin });
  const process = await container.startAttached({
    attach: { stdin, ...terminalOf(tty) },
    signal: context.signal,
  });
  const outcome = await connect(process, {
    tty,
    detachKeys: detachKeysOf(flags.detachKeys),
    proxySignals: flags.sigProxy,
    signals: context.signals,
  });
  if (outcome.kind === 'detached') return exitCodes.ok;
  if (autoRemove) await untilRemoved(container, context.signal);
  return outcome.exitCode;
}

export const command: CommandDefinition = defineCommand({
  description:
    'Starts containers that are created or stopped. With -a the output of one is shown and its exit code becomes ours.',
  arguments: [argumentList('CONTAINER', { required: true, complete: 'container' })],
  options: {
    attach: flag('-a, --attach', 'Show its output and pass signals on'),
    interactive: flag('-i, --interactive', 'Connect its stdin'),
    sigProxy: sigProxyOption,
    detachKeys: detachKeysOption,
  },
  examples: [
    { command: 'warren start web db', what: 'Start two containers' },
    { command: 'warren start -ai shell', what: 'Start a container and use its terminal' },
  ],
  run: async (context, { args, options: flags }) => {
    if (!flags.attach && !flags.interactive) {
      return runBatch(context, (engine, batch) => engine.containers.start(args, batch));
    }
    if (args.length > 1)
      throw usageError('Only one container can be attached to', 'Start several without -a and -i');
    return startAttached(context, args[0] ?? '', flags);
  },
});
