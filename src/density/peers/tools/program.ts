/** Programs that the benchmark starts and waits for. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { WarrenError } from '../../../base/errors.js';

export interface ProgramOptions {
  /** For messages. @default the command's own, with its first word */
  readonly name?: string;
  readonly input?: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
  /** Exit codes that are no failure. @default [0] */
  readonly accept?: readonly number[] | 'any';
  /** Other file descriptors than stdin, stdout and stderr are closed; output is collected. @default true */
  readonly collect?: boolean;
}

export interface ProgramResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs a program to its end. The signal asks it to end and waits until it has.
 * @throws WarrenError unavailable (PROGRAM_MISSING, PROGRAM_FAILED)
 */
export async function runProgram(
  command: string,
  args: readonly string[],
  options: ProgramOptions = {},
): Promise<ProgramResult> {
  const {
    name = nameOf(command, args),
    input,
    environment,
    signal,
    accept = [0],
    collect = true,
  } = options;
  const output = collect ? 'pipe' : 'ignore';
  const child = spawn(command, args, {
    stdio: [input === undefined ? 'ignore' : 'pipe', output, output],
    ...(environment === undefined ? {} : { env: { ...process.env, ...environment } }),
  });
  const end = (): void => {
    child.kill('SIGTERM');
  };
  signal?.addEventListener('abort', end, { once: true });
  try {
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(input);
    const [exit, stdout, stderr] = await Promise.all([
      once(child, 'exit') as Promise<[number | null, string | null]>,
      child.stdout === null ? '' : text(child.stdout),
      child.stderr === null ? '' : text(child.stderr),
    ]);
    const code = exit[0] ?? -1;
    if (accept !== 'any' && !accept.includes(code)) throw failed(name, exit, stderr);
    return { code, stdout, stderr };
  } catch (error) {
    throw missing(command, error) ?? error;
  } finally {
    signal?.removeEventListener('abort', end);
  }
}

function nameOf(command: string, args: readonly string[]): string {
  return [command.split('/').at(-1), args.find((word) => !word.startsWith('-'))].join(' ');
}

function failed(
  name: string,
  [code, signal]: readonly [number | null, string | null],
  stderr: string,
): WarrenError {
  const how = code === null ? `killed by ${signal ?? 'a signal'}` : `exit code ${code}`;
  const said = stderr.trim().split('\n').slice(-3).join(' ');
  return new WarrenError('unavailable', 'PROGRAM_FAILED', `Cannot run ${name}: ${how}: ${said}`);
}

function missing(command: string, error: unknown): WarrenError | null {
  if (!(error instanceof Error) || !('code' in error) || error.code !== 'ENOENT') return null;
  return new WarrenError(
    'unavailable',
    'PROGRAM_MISSING',
    `Cannot run ${command}: it is not installed`,
    {
      cause: error,
    },
  );
}
