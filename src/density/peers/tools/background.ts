/** Programs that run on while they serve something, in sessions of their own: Ctrl-C is not for them. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { abortable, throwIfAborted } from '../../../base/abort.js';
import { WarrenError } from '../../../base/errors.js';

export interface TalkingOptions {
  /** For messages. */
  readonly name: string;
  /** It is ready when it has written this, to stdout or stderr. */
  readonly ready: string;
  readonly signal: AbortSignal;
}

const keptOutput = 4096;

/** Starts a program and waits until it says that it is ready. @throws WarrenError unavailable, canceled */
export async function startTalking(
  [program = '', ...args]: readonly string[],
  { name, ready, signal }: TalkingOptions,
): Promise<ChildProcess> {
  throwIfAborted(signal, `start ${name}`);
  const child = spawn(program, args, { stdio: 'pipe', detached: true });
  let said = '';
  const heard = new Promise<void>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', () => reject(failure(name, said)));
    for (const output of [child.stdout, child.stderr]) {
      output.setEncoding('utf8').on('data', (text: string) => {
        said = (said + text).slice(-keptOutput);
        if (said.includes(ready)) resolve();
      });
    }
  });
  try {
    await abortable(heard, signal, `start ${name}`);
  } catch (error) {
    await end(child);
    throw error;
  }
  for (const output of [child.stdout, child.stderr]) output.removeAllListeners('data').resume();
  return child;
}

export interface WatchedOptions {
  /** For messages. */
  readonly name: string;
  /** Where its output goes: the container inherits it. */
  readonly log: string;
  /** Asked every millisecond. */
  readonly isReady: (pid: number) => boolean;
  readonly signal: AbortSignal;
}

const lookEveryMs = 1;

/** Starts a program and looks until what it starts is there. @throws WarrenError unavailable, canceled */
export async function startWatched(
  [program = '', ...args]: readonly string[],
  { name, log, isReady, signal }: WatchedOptions,
): Promise<ChildProcess> {
  const output = openSync(log, 'w');
  const child = spawn(program, args, { stdio: ['ignore', output, output], detached: true });
  closeSync(output);
  let over = false;
  child.once('exit', () => (over = true));
  const pid = child.pid;
  if (pid === undefined) throw (await once(child, 'error'))[0];
  while (!isReady(pid)) {
    throwIfAborted(signal, `start ${name}`);
    if (over) throw failure(name, readFileSync(log, 'utf8'));
    await delay(lookEveryMs);
  }
  return child;
}

/** Kills a program that was started here, and waits for its end. */
export async function end(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
}

function failure(name: string, said: string): WarrenError {
  const last = said.trim().split('\n').slice(-3).join(' ');
  return new WarrenError(
    'unavailable',
    'PROGRAM_FAILED',
    `Cannot run ${name}: ${last === '' ? 'it ended and gives no reason' : last}`,
  );
}
