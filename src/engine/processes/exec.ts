import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { errnoOf, isWarrenError, WarrenError } from '../../base/errors.js';
import { canceledError } from '../../base/abort.js';
import type { Keeper, Launched, StreamWishes } from '../../host/port.js';
import type { ContainerRecord } from '../../model/container.js';
import { environmentLines } from '../../model/environment.js';
import type { ExecConfig, ExecResult, RunningProcess } from '../../model/exec.js';
import type { ExecSpec } from '../../spec/contract.js';
import type { EngineContext } from '../context.js';
import type { SpawnOptions } from '../contract.js';
import { compileProcess } from '../launch/launch-input.js';
import { liveKeeper } from '../state/live-container.js';
import { OutputCollector } from './output.js';
import { processExit, runningProcess } from './running-process.js';

const defaultOutputBytes = 64 * 1024 * 1024;
const sigkill = 9;

/** Runs a command in a running container to its end. A non-zero exit is a result. */
export async function execInContainer(
  context: EngineContext,
  record: ContainerRecord,
  config: ExecConfig,
): Promise<ExecResult> {
  const { signal } = config;
  const started = await launchExec(context, record, {
    config,
    streams: { stdin: config.input !== undefined, stdout: true, stderr: config.tty !== true },
    terminal: undefined,
  });
  let failed: WarrenError | undefined;
  const end = (error: WarrenError): void => {
    failed ??= error;
    started.kill(sigkill).catch((cause: unknown) => {
      // It may have ended by itself just now; anything else is the connection, which the exit tells.
      if (!isWarrenError(cause)) throw cause;
    });
  };
  const onAbort = (): void => {
    if (signal !== undefined) end(canceledError(`exec in container ${record.name}`, signal));
  };
  if (signal?.aborted === true) onAbort();
  signal?.addEventListener('abort', onAbort, { once: true });
  try {
    const limit = config.maxOutputBytes ?? defaultOutputBytes;
    const stdout = new OutputCollector(started.stdout, limit, end);
    const stderr = new OutputCollector(started.stderr, limit, end);
    const fed = feed(started, config.input);
    const exit = processExit(await started.exit);
    await Promise.allSettled([stdout.done, stderr.done, fed]);
    if (failed !== undefined) throw failed;
    await Promise.all([stdout.done, stderr.done, fed]);
    return { ...exit, stdout: stdout.text, stderr: stderr.text };
  } finally {
    signal?.removeEventListener('abort', onAbort);
  }
}

/** Starts a command in a running container; its streams are the caller's. */
export async function spawnInContainer(
  context: EngineContext,
  record: ContainerRecord,
  config: SpawnOptions & { readonly command: readonly string[] },
): Promise<RunningProcess> {
  const { stdin = false, output = true, terminal, tty = false } = config;
  const launched = await launchExec(context, record, {
    config,
    streams: { stdin, stdout: output, stderr: output && !tty },
    terminal: tty ? (terminal ?? { columns: 80, rows: 24 }) : undefined,
  });
  return runningProcess(launched, { pid: launched.pid });
}

interface ExecLaunch {
  readonly config: ExecConfig | (SpawnOptions & { readonly command: readonly string[] });
  readonly streams: StreamWishes;
  readonly terminal: { readonly columns: number; readonly rows: number } | undefined;
}

async function launchExec(
  context: EngineContext,
  record: ContainerRecord,
  request: ExecLaunch,
): Promise<Launched> {
  if (request.config.command.length === 0) {
    throw new WarrenError('invalidArgument', 'NO_COMMAND', 'Cannot exec: no command is given');
  }
  const keeper = context.users.needsProcess(record) ? null : await presumedKeeper(context, record);
  if (keeper !== null) {
    try {
      return await launchOn(context, record, { ...request, keeper, pid: null });
    } catch (error) {
      if (!isRefused(error)) throw error;
    }
  }
  const live = await liveKeeper(context, record, 'exec');
  return await launchOn(context, record, { ...request, keeper: live.keeper, pid: live.pid });
}

/** Asking it for the container's state first would cost a round trip: what the record does not know, the keeper refuses. */
async function presumedKeeper(
  context: EngineContext,
  { phase, run }: ContainerRecord,
): Promise<Keeper | null> {
  if (phase !== 'started' || run?.bootId !== context.facts.bootId) return null;
  return await context.keepers.running(run.keeper);
}

/** Nothing was started, because of the state that the container is in. */
function isRefused(error: unknown): boolean {
  return ['NOT_SUPERVISED', 'NOT_RUNNING', 'KEEPER_BUSY'].some((code) =>
    isWarrenError(error, undefined, code),
  );
}

interface ExecPlace extends ExecLaunch {
  readonly keeper: Keeper;
  /** The container's init; null: its users are those of the layers. */
  readonly pid: number | null;
}

async function launchOn(
  context: EngineContext,
  record: ContainerRecord,
  { keeper, pid, config, streams, terminal }: ExecPlace,
): Promise<Launched> {
  return await keeper.exec({
    container: record.id,
    plan: compileProcess(context, record, await execSpec(context, record, { config, pid })),
    streams,
    ...(terminal === undefined ? {} : { terminal }),
    ...(config.timeoutMs === undefined ? {} : { timeoutMs: config.timeoutMs }),
    ...(config.signal === undefined ? {} : { signal: config.signal }),
    ownerBound: streams.stdout === true,
  });
}

async function execSpec(
  context: EngineContext,
  record: ContainerRecord,
  { config, pid }: Pick<ExecPlace, 'config' | 'pid'>,
): Promise<ExecSpec> {
  const { spec } = record;
  const tty = config.tty ?? false;
  const wanted = { user: config.user ?? spec.user, groupAdd: spec.groupAdd };
  const user =
    pid === null
      ? context.users.resolve(record, wanted)
      : await context.users.resolveRunning(record, { ...wanted, pid });
  return {
    argv: config.command,
    env: environmentLines(config.env),
    workingDir: config.workingDir ?? spec.workingDir,
    user,
    tty,
    privileged: config.privileged ?? false,
  };
}

/** A process that ends or closes its input early is no error of the caller's. */
async function feed(started: Launched, input: ExecConfig['input']): Promise<void> {
  if (input === undefined || started.stdin === null) return;
  const source =
    input instanceof Readable
      ? input
      : Readable.from([typeof input === 'string' ? Buffer.from(input) : input]);
  try {
    await pipeline(source, started.stdin);
  } catch (error) {
    if (
      !['EPIPE', 'ERR_STREAM_PREMATURE_CLOSE', 'ERR_STREAM_DESTROYED'].includes(
        errnoOf(error) ?? '',
      )
    ) {
      throw error;
    }
  }
}
