import type { BatchResult, ContainerHandle } from '../../../engine/contract.js';
import type { ContainerConfig } from '../../../model/container-config.js';
import { containerConfig } from '../../config/container-config.js';
import type { CommandContext } from '../../context.js';
import { exitCodes } from '../../exit-code.js';
import { containerOptions, type ContainerFlags } from '../../options/container.js';
import { choice } from '../../parse/value/choice.js';
import { integer } from '../../parse/value/number.js';
import {
  argument,
  argumentList,
  defineCommand,
  type CommandDefinition,
} from '../../program/definition.js';
import { flag, list, value } from '../../program/option.js';
import { usageError } from '../../program/usage-error.js';
import { reportFailures } from '../../report-error.js';
import { connect } from '../../terminal/connect.js';
import { Disposables } from '../../terminal/disposables.js';
import { callBatch, printBatch } from '../batch.js';
import { CidFile } from './cid-file.js';
import {
  detachKeysOf,
  detachKeysOption,
  requireTerminal,
  sigProxyOption,
  terminalOf,
  untilRemoved,
} from './foreground.js';
import { onlyWarnings } from './only-warnings.js';

interface RunFlags extends ContainerFlags {
  readonly detach: boolean;
  readonly detachKeys: Uint8Array | undefined;
  readonly sigProxy: boolean;
  readonly attach: readonly ('stdin' | 'stdout' | 'stderr')[];
  readonly count: number | undefined;
}

const options = {
  detach: flag('-d, --detach', 'Leave it in the background and print its id'),
  attach: list('-a, --attach <stream>', 'Connect only stdin, stdout or stderr', {
    parse: (text) => choice('stdin', 'stdout', 'stderr')(text.toLowerCase()),
    complete: ['stdin', 'stdout', 'stderr'],
  }),
  count: value('--count <number>', 'Start this many in the background and print their ids', {
    parse: integer({ min: 1, example: '100' }),
  }),
  detachKeys: detachKeysOption,
  sigProxy: sigProxyOption,
  ...containerOptions,
};

function refuseContradictions(flags: RunFlags): void {
  const background = flags.count !== undefined ? '--count' : '--detach';
  if (!flags.detach && flags.count === undefined) return;
  if (flags.attach.length > 0)
    throw usageError(`Flags exclude each other: ${background} and --attach`);
  if (flags.dieWithParent)
    throw usageError(
      `Flags exclude each other: ${background} and --die-with-parent`,
      'This program ends at once in the background',
    );
  if (flags.count !== undefined && flags.cidfile !== undefined)
    throw usageError('Flags exclude each other: --count and --cidfile');
}

function wantsStream(flags: RunFlags, stream: 'stdin' | 'stdout' | 'stderr'): boolean {
  if (flags.attach.length > 0) return flags.attach.includes(stream);
  return stream !== 'stdin' || flags.interactive;
}

async function runMany(
  context: CommandContext,
  config: ContainerConfig,
  count: number,
): Promise<number> {
  const results = await callBatch(context, (engine, batch) => engine.runMany(config, count, batch));
  if (context.signal.aborted) return await removeStarted(context, results);
  return printBatch(context, results, { line: ({ id }) => id });
}

/** The user ended a batch: what runs of it by now is taken away again. */
async function removeStarted(
  context: CommandContext,
  results: readonly BatchResult<ContainerHandle>[],
): Promise<number> {
  const ids = results.flatMap((result) => (result.ok ? [result.id] : []));
  const engine = await context.engine();
  const removed = await engine.containers.remove(ids, { force: true, volumes: true });
  context.output.note(`warren: canceled: removed the ${ids.length} containers that were started`);
  return reportFailures(context.output, removed) ? exitCodes.failure : exitCodes.ok;
}

async function runDetached(
  context: CommandContext,
  config: ContainerConfig,
  { file, quiet }: { readonly file: CidFile | undefined; readonly quiet: boolean },
): Promise<number> {
  const engine = await context.engine();
  const { id, name } = await context.withProgress(({ report }) =>
    engine.run(config, {
      signal: context.signal,
      onProgress: onlyWarnings(report, { quiet }),
      onCreated: (created) => file?.write(created.id),
    }),
  );
  file?.keep();
  if (context.output.json) context.output.object({ id, name });
  else context.output.line(id);
  return exitCodes.ok;
}

/** The abort of the start only: once it runs, a signal leaves the container alone. */
function startSignal(signal: AbortSignal): {
  readonly signal: AbortSignal;
  readonly started: () => void;
} {
  const controller = new AbortController();
  const abort = (): void => controller.abort(signal.reason);
  signal.addEventListener('abort', abort, { once: true });
  return { signal: controller.signal, started: () => signal.removeEventListener('abort', abort) };
}

async function runForeground(
  context: CommandContext,
  config: ContainerConfig,
  flags: RunFlags & { readonly file: CidFile | undefined },
): Promise<number> {
  const { tty } = flags;
  const stdin = wantsStream(flags, 'stdin');
  requireTerminal({ tty, stdin });
  const engine = await context.engine();
  const start = startSignal(context.signal);
  const { container, process } = await context.withProgress(({ report }) =>
    engine.runAttached(
      { ...config, stdinOnce: flags.interactive },
      {
        signal: start.signal,
        onProgress: onlyWarnings(report, flags),
        onCreated: ({ id }) => flags.file?.write(id),
        dieWithOwner: flags.dieWithParent,
        attach: { stdin, ...terminalOf(tty) },
      },
    ),
  );
  start.started();
  flags.file?.keep();
  const outcome = await connect(process, {
    tty,
    detachKeys: detachKeysOf(flags.detachKeys),
    proxySignals: flags.sigProxy,
    signals: context.signals,
    show: { stdout: wantsStream(flags, 'stdout'), stderr: wantsStream(flags, 'stderr') },
  });
  if (outcome.kind === 'detached') return exitCodes.ok;
  if (flags.rm) await untilRemoved(container, context.signal);
  return outcome.exitCode;
}

export const command: CommandDefinition = defineCommand({
  description:
    'Creates a container from an image and starts it. In the foreground (the default) its output is shown and its exit code becomes ours; with -d it runs in the background and its id is printed.',
  arguments: [argument('IMAGE', 'image'), argumentList('COMMAND', { required: false })],
  passThrough: true,
  options,
  exitCodes: [
    '125  the container could not be started, or a flag is wrong',
    '126  the command is not executable',
    '127  the command does not exist',
    '128 + N  the process ended by signal N',
    "any other  the process's own",
  ],
  examples: [
    {
      command: 'warren run --rm busybox echo hi',
      what: 'Run one command and remove the container',
    },
    { command: 'warren run -it --rm busybox sh', what: 'Get a shell' },
    {
      command: 'warren run -d --name web --memory 32m --pids-limit 32 --cpus 0.2 tiny httpd',
      what: 'Run a server in the background, with limits',
    },
    {
      command: 'warren run -v "$PWD:/src:ro" -w /src --rm debian ls',
      what: 'Show a directory of the host inside',
    },
    {
      command: 'warren run --count 1000 --ttl 10m tiny pause',
      what: 'Start a thousand containers that end after ten minutes',
    },
  ],
  run: async (context, { args, options: flags }) => {
    const [image = '', ...words] = args;
    refuseContradictions(flags);
    const config = containerConfig({ flags, image, command: words });
    if (flags.count !== undefined) return runMany(context, config, flags.count);
    using files = new Disposables();
    const file = flags.cidfile === undefined ? undefined : new CidFile(flags.cidfile);
    if (file !== undefined) files.add(file);
    if (flags.detach) return await runDetached(context, config, { file, quiet: flags.quiet });
    return await runForeground(context, config, { ...flags, file });
  },
});
