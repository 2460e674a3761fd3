import type { Readable, Writable } from 'node:stream';
import type { KeeperExit, ProcessStreams } from '../../host/port.js';
import type { ExecResult, RunningProcess } from '../../model/exec.js';
import { parseSignal, signalName } from '../../model/signals.js';

/** How a process ended, in the words of an exec's result. */
export function processExit(exit: KeeperExit): Omit<ExecResult, 'stdout' | 'stderr'> {
  const started = exit.startedAtMs;
  return {
    exitCode: exit.how === 'exited' ? exit.code : null,
    signal: exit.how === 'signaled' ? signalName(exit.code) : null,
    oomKilled: exit.oomKilled,
    timedOut: exit.reason === 'timeout',
    usage: {
      userUs: exit.userUs,
      systemUs: exit.systemUs,
      maxRssBytes: exit.maxRssBytes,
      wallMs: started > 0 && exit.finishedAtMs > 0 ? exit.finishedAtMs - started : 0,
    },
  };
}

export interface ProcessFacts {
  readonly pid: number;
  /** Runs when the exit is known, before the process's own promise settles. */
  readonly ended?: (exit: KeeperExit) => Promise<void>;
}

/** A keeper's process as the library shows it. */
export function runningProcess(
  started: ProcessStreams,
  { pid, ended = async () => undefined }: ProcessFacts,
): RunningProcess {
  const exit = started.exit.then(async (end) => {
    await ended(end);
    return processExit(end);
  });
  // Whoever does not wait for the end still must not be hit by an unhandled rejection when the connection breaks.
  exit.catch(() => undefined);
  return {
    pid,
    stdin: started.stdin as Writable | null,
    stdout: started.stdout as Readable | null,
    stderr: started.stderr as Readable | null,
    exit,
    resize: async (size) => {
      await started.resize(size);
    },
    kill: async (signal = 'SIGKILL') => {
      await started.kill(parseSignal(signal));
    },
    detach: async () => {
      await started.detach();
    },
  };
}
