import { spawn, type ChildProcess } from 'node:child_process';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { canceledError, throwIfAborted } from '../../base/abort.js';
import { errnoOf, WarrenError, type ErrorKind } from '../../base/errors.js';
import type { RunOptions, RunResult } from '../port.js';

const defaultMaximum = 1 << 20;
const inputBuffer = 1 << 20;

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
    stdio: [options.input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    ...(options.env === undefined ? {} : { env: options.env }),
  });
  const maximum = options.maxOutputBytes ?? defaultMaximum;
  if (child.stdout === null || child.stderr === null) throw new Error('Both outputs are pipes');
  const stdout = collect(child.stdout, { maximum, onLine: options.onLine });
  const stderr = collect(child.stderr, { maximum, onLine: options.onLine });
  const kill = (): void => {
    child.kill('SIGKILL');
  };
  options.signal?.addEventListener('abort', kill, { once: true });
  const feeding = feed(child, options.input).then((failure) => {
    if (failure !== undefined) kill();
    return failure;
  });
  try {
    // A program that does not start takes no input: both are waited for together.
    const [failure, { code, signal }] = await Promise.all([feeding, ended(child, command)]);
    if (failure !== undefined) throw failure.error;
    if (options.signal?.aborted === true) throw canceledError(`run ${command}`, options.signal);
    return { code, signal, stdout: stdout(), stderr: stderr() };
  } finally {
    options.signal?.removeEventListener('abort', kill);
  }
}

/** Gives a program its input; a program that ends before it took all of it says why itself. */
async function feed(
  child: ChildProcess,
  input: RunOptions['input'],
): Promise<{ readonly error: unknown } | undefined> {
  if (input === undefined || child.stdin === null) return undefined;
  const { stdin } = child;
  try {
    await pipeline(Readable.from(input, { objectMode: false, highWaterMark: inputBuffer }), stdin);
    return undefined;
  } catch (error) {
    return isEarlyEnd(error) ? undefined : { error };
  }
}

function isEarlyEnd(error: unknown): boolean {
  const code = errnoOf(error) ?? '';
  return ['EPIPE', 'ECONNRESET', 'ERR_STREAM_PREMATURE_CLOSE', 'ERR_STREAM_DESTROYED'].includes(
    code,
  );
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
