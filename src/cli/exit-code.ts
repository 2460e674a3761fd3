import { constants } from 'node:os';
import { isWarrenError } from '../base/errors.js';
import { flagErrorCodes } from './program/usage-error.js';

/** Exit codes that docker's command line has given a meaning. */
export const exitCodes = {
  ok: 0,
  failure: 1,
  /** `run` could not run the container, or a flag is wrong. */
  engine: 125,
  notExecutable: 126,
  notFound: 127,
  /** Plus the number of the signal. */
  signal: 128,
} as const;

/** What an error happened in. */
export interface FailedCommand {
  /** `run`, `image ls`; empty when no command was recognised. */
  readonly command: string;
  /** The signal that ended this program's work. */
  readonly signal?: NodeJS.Signals | undefined;
}

/** Commands whose exit code is that of a program in a container: 126 and 127 have their meaning there. */
const programCommands = ['run', 'exec', 'start'];

/** 128 and the number of a signal. */
export function signalExitCode(signal: string): number {
  const numbers: Readonly<Record<string, number>> = constants.signals;
  return exitCodes.signal + (numbers[signal] ?? 0);
}

/** The one place that maps errors to exit codes. */
export function exitCodeOf(error: unknown, { command: written, signal }: FailedCommand): number {
  const command = written.replace(/^container /, '');
  if (signal !== undefined && isWarrenError(error, 'canceled')) return signalExitCode(signal);
  if (programCommands.includes(command)) {
    if (isWarrenError(error, 'commandNotFound')) return exitCodes.notFound;
    if (isWarrenError(error, 'commandNotExecutable')) return exitCodes.notExecutable;
  }
  if (command === 'run') return exitCodes.engine;
  if (isWarrenError(error, 'invalidArgument') && flagErrorCodes.includes(error.code))
    return exitCodes.engine;
  return exitCodes.failure;
}

/** The exit code of a process in a container, as a shell would have it. */
export function processExitCode(exit: {
  readonly exitCode: number | null;
  readonly signal: string | null;
}): number {
  if (exit.exitCode !== null) return exit.exitCode;
  return exit.signal === null ? exitCodes.engine : signalExitCode(exit.signal);
}
