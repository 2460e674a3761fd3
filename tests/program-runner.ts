import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Host, RunOptions, RunResult } from '../src/host/port.js';

/** `run` of the host port and nothing else, for tests below the keeper. */
export const programRunner: Pick<Host, 'run'> & { readonly started: string[][] } = {
  started: [],
  async run(
    command: string,
    args: readonly string[],
    options: RunOptions = {},
  ): Promise<RunResult> {
    programRunner.started.push([command, ...args]);
    const child = spawn(command, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
      ...(options.env === undefined ? {} : { env: { ...process.env, ...options.env } }),
    });
    const failed = once(child, 'error').then(([error]: unknown[]) => {
      throw error;
    });
    const abort = (): void => {
      child.kill('SIGKILL');
    };
    options.signal?.addEventListener('abort', abort, { once: true });
    const output = { stdout: '', stderr: '' };
    for (const name of ['stdout', 'stderr'] as const) {
      createInterface({ input: child[name] }).on('line', (line) => {
        output[name] += `${line}\n`;
        options.onLine?.(line);
      });
    }
    const [code, signal] = (await Promise.race([once(child, 'close'), failed])) as [
      number | null,
      string | null,
    ];
    options.signal?.removeEventListener('abort', abort);
    return { code, signal, ...output };
  },
};
