import { spawn, type ChildProcess } from 'node:child_process';
import type { Readable } from 'node:stream';
import { canceledError, throwIfAborted } from '../../base/abort.js';
import { errnoOf, WarrenError, type ErrorKind } from '../../base/errors.js';
import type { RunOptions, RunResult } from '../port.js';

const defaultMaximum = 1 << 20;

const kinds: Readonly<Record<string, ErrorKind>> = {
  ENOENT: 'commandNotFound',
  EACCES: 'commandNotExecutable',
  ENOEXEC: 'commandNotExecutable',
};

/** Runs a program to its end. A program that cannot be started is an error; a non-zero exit is a result. */
export async function run(
  command: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<RunResult> {
  throwIfAborted(options.signal, `run ${command}`);
  const child = spawn(command, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    ...(options.env === undefined ? {} : { env: options.env }),
  });
  const maximum = options.maxOutputBytes ?? defaultMaximum;
  const stdout = collect(child.stdout, { maximum, onLine: options.onLine });
  const stderr = collect(child.stderr, { maximum, onLine: options.onLine });
  const kill = (): void => {
    child.kill('SIGKILL');
  };
  options.signal?.addEventListener('abort', kill, { once: true });
  try {
    const { code, signal } = await ended(child, command);
    if (options.signal?.aborted === true) throw canceledError(`run ${command}`, options.signal);
    return { code, signal, stdout: stdout(), stderr: stderr() };
  } finally {
    options.signal?.removeEventListener('abort', kill);
  }
}

async function ended(
  child: ChildProcess,
  command: string,
): Promise<{ code: number | null; signal: string | null }> {
  return new Promise((resolve, reject) => {
    child.once('error', (cause) => {
      const errno = errnoOf(cause) ?? '';
      const kind = kinds[errno] ?? 'unavailable';
      reject(
        new WarrenError(kind, 'RUN_FAILED', `Cannot run ${command}: ${cause.message}`, {
          cause,
          details: { command, errno },
        }),
      );
    });
    child.once('close', (code, signal) => {
      resolve({ code, signal });
    });
  });
}

/** Keeps the end of the output; gives it as text when asked. */
function collect(
  stream: Readable,
  options: { readonly maximum: number; readonly onLine: RunOptions['onLine'] },
): () => string {
  let chunks: Buffer[] = [];
  let size = 0;
  stream.on('data', (chunk: Buffer) => {
    chunks.push(chunk);
    size += chunk.length;
    if (size <= options.maximum * 2) return;
    chunks = [tail(chunks, options.maximum)];
    size = options.maximum;
  });
  if (options.onLine !== undefined) splitLines(stream, options.onLine);
  return () => tail(chunks, options.maximum).toString('utf8');
}

function tail(chunks: readonly Buffer[], maximum: number): Buffer {
  const all = Buffer.concat(chunks);
  return all.length <= maximum ? all : all.subarray(all.length - maximum);
}

function splitLines(stream: Readable, onLine: (line: string) => void): void {
  const decoder = new TextDecoder();
  let rest = '';
  stream.on('data', (chunk: Buffer) => {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) onLine(line);
  });
  stream.on('end', () => {
    if (rest !== '') onLine(rest);
  });
}
