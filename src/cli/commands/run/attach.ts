import { exitCodes } from '../../exit-code.js';
import { argument, defineCommand, type CommandDefinition } from '../../program/definition.js';
import { flag } from '../../program/option.js';
import { connect } from '../../terminal/connect.js';
import {
  detachKeysOf,
  detachKeysOption,
  requireTerminal,
  sigProxyOption,
  terminalOf,
} from './foreground.js';

export const command: CommandDefinition = defineCommand({
  description:
    'Connects this terminal to a running container: what it writes from now on is shown, what is typed goes to its stdin. The detach keys leave it running.',
  arguments: [argument('CONTAINER', 'container')],
  options: {
    noStdin: flag('--no-stdin', 'Do not connect stdin'),
    sigProxy: sigProxyOption,
    detachKeys: detachKeysOption,
  },
  exitCodes: ["0 after the detach keys; else the container's own, or 128 + N for signal N"],
  examples: [
    { command: 'warren attach shell', what: 'Use the terminal of a container' },
    { command: 'warren attach --no-stdin web', what: 'Only watch' },
  ],
  run: async (context, { args, options: flags }) => {
    const engine = await context.engine();
    const container = await engine.get(args[0] ?? '');
    const { tty, stdinOpen } = container.spec;
    const stdin = stdinOpen && !flags.noStdin;
    requireTerminal({ tty, stdin });
    const running = await container.attach({ stdin, ...terminalOf(tty), signal: context.signal });
    const outcome = await connect(running, {
      tty,
      detachKeys: detachKeysOf(flags.detachKeys),
      // A terminal sends its own signals; one that ends this program must not end a container it only looked at.
      proxySignals: flags.sigProxy && !tty,
      signals: context.signals,
    });
    return outcome.kind === 'exited' ? outcome.exitCode : exitCodes.ok;
  },
});
