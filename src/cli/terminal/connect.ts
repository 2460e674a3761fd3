import type { Readable, Writable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { errnoOf, isWarrenError } from '../../base/errors.js';
import type { RunningProcess } from '../../model/exec.js';
import { processExitCode } from '../exit-code.js';
import type { Signals } from '../signals.js';
import { DetachFilter } from './detach-keys.js';
import { Disposables } from './disposables.js';
import { rawMode } from './raw-mode.js';

export interface ConnectOptions {
  /** The process has a terminal. */
  readonly tty: boolean;
  readonly detachKeys: Uint8Array;
  /** Pass signals on to the process; otherwise they end the connection. */
  readonly proxySignals: boolean;
  readonly signals: Signals;
  /** Streams that are shown. @default both */
  readonly show?: { readonly stdout: boolean; readonly stderr: boolean };
}

export type Outcome =
  | { readonly kind: 'exited'; readonly exitCode: number }
  /** The process goes on without us. */
  | { readonly kind: 'detached' };

/** How the connection ends before the process does: the user leaves, or a call fails. */
class Departure {
  readonly left: Promise<'left'>;
  #resolve: (word: 'left') => void = () => undefined;
  #reject: (error: unknown) => void = () => undefined;

  constructor() {
    this.left = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  readonly leave = (): void => {
    this.#resolve('left');
  };

  /** A process that has just ended refuses signals and sizes: its end is what the caller gets. */
  readonly onError = (error: unknown): void => {
    if (isWarrenError(error, 'notFound') || isWarrenError(error, 'conflict')) return;
    this.#reject(error);
  };

  atAbortOf(signal: AbortSignal): Disposable {
    signal.addEventListener('abort', this.leave, { once: true });
    if (signal.aborted) this.leave();
    return {
      [Symbol.dispose]: () => {
        signal.removeEventListener('abort', this.leave);
      },
    };
  }
}

/** The size of the terminal that this program writes to. */
export function terminalSize(): { readonly columns: number; readonly rows: number } {
  return { columns: process.stdout.columns ?? 80, rows: process.stdout.rows ?? 24 };
}

/** True when keys come from a terminal that can be made raw. */
export function isInteractive(): boolean {
  return process.stdin.isTTY;
}

/** A process that has ended takes no input: that is no error of ours. */
function ignoreBrokenPipe(error: Error): void {
  const errno = errnoOf(error);
  if (
    errno !== 'EPIPE' &&
    errno !== 'ERR_STREAM_DESTROYED' &&
    errno !== 'ERR_STREAM_WRITE_AFTER_END'
  )
    throw error;
}

interface Typing {
  readonly input: Readable;
  readonly target: Writable;
  readonly filter: DetachFilter | undefined;
  readonly onDetach: () => void;
}

/** Passes input on, with back pressure; its end is the end of the process's input. */
function passInput({ input, target, filter, onDetach }: Typing): Disposable {
  const onData = (chunk: Buffer): void => {
    const { data, detached } = filter?.feed(chunk) ?? { data: chunk, detached: false };
    if (data.length > 0 && !target.write(data)) input.pause();
    if (detached) onDetach();
  };
  const onDrain = (): void => {
    input.resume();
  };
  const onEnd = (): void => {
    target.end();
  };
  target.on('error', ignoreBrokenPipe).on('drain', onDrain);
  input.on('data', onData).on('end', onEnd);
  return {
    [Symbol.dispose]: () => {
      input.off('data', onData).off('end', onEnd).pause();
      target.off('drain', onDrain);
    },
  };
}

/** Shows a stream until it ends. */
async function showStream(source: Readable | null, target: Writable | undefined): Promise<void> {
  if (source === null) return;
  if (target === undefined) source.resume();
  else source.pipe(target, { end: false });
  await finished(source);
}

function followSize(running: RunningProcess, onError: (error: unknown) => void): Disposable {
  const onResize = (): void => {
    running.resize(terminalSize()).catch(onError);
  };
  process.stdout.on('resize', onResize);
  return {
    [Symbol.dispose]: () => {
      process.stdout.off('resize', onResize);
    },
  };
}

/** Settles with the first of: the end of the process and its streams, detach keys, the end of this program. */
async function settle(
  running: RunningProcess,
  streams: readonly Promise<void>[],
  left: Promise<'left'>,
): Promise<Outcome> {
  const ended = Promise.all([running.exit, ...streams]).then(([exit]) => exit);
  const first = await Promise.race([ended, left]);
  if (first !== 'left') return { kind: 'exited', exitCode: processExitCode(first) };
  ended.catch(() => undefined);
  running.stdout?.unpipe();
  running.stderr?.unpipe();
  await running.detach();
  return { kind: 'detached' };
}

/**
 * Connects this program's terminal or pipes to a process until it ends or the user leaves it: raw mode, size, detach
 * keys and signals. The terminal is as it was before on every path.
 */
export async function connect(running: RunningProcess, options: ConnectOptions): Promise<Outcome> {
  const { tty, signals, show = { stdout: true, stderr: true } } = options;
  using cleanup = new Disposables();
  const departure = new Departure();
  cleanup.add(departure.atAbortOf(signals.signal));
  if (tty && process.stdout.isTTY) cleanup.add(followSize(running, departure.onError));
  if (options.proxySignals) {
    cleanup.add(signals.proxy((name) => void running.kill(name).catch(departure.onError)));
  }
  if (running.stdin !== null) {
    const isTyped = tty && process.stdin.isTTY;
    if (isTyped) cleanup.add(rawMode(process.stdin));
    const filter = isTyped ? new DetachFilter(options.detachKeys) : undefined;
    cleanup.add(
      passInput({ input: process.stdin, target: running.stdin, filter, onDetach: departure.leave }),
    );
  }
  const streams = [
    showStream(running.stdout, show.stdout ? process.stdout : undefined),
    showStream(running.stderr, show.stderr ? process.stderr : undefined),
  ];
  return await settle(running, streams, departure.left);
}
