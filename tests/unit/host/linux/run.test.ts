import { describe, expect, test } from 'vitest';
import { run } from '../../../../src/host/linux/run.js';

describe('run', () => {
  test('gives exit, signal and output', async () => {
    await expect(run('sh', ['-c', 'echo out; echo err >&2; exit 3'])).resolves.toEqual({
      code: 3,
      signal: null,
      stdout: 'out\n',
      stderr: 'err\n',
    });
    await expect(run('sh', ['-c', 'kill -9 $$'])).resolves.toMatchObject({
      code: null,
      signal: 'SIGKILL',
    });
  });

  test('keeps the end of long output and tells every line', async () => {
    const lines: string[] = [];
    const result = await run(
      'sh',
      ['-c', 'for i in $(seq 1000); do echo line $i; done; printf last'],
      {
        maxOutputBytes: 20,
        onLine: (line) => lines.push(line),
      },
    );
    expect(result.stdout).toBe('e 999\nline 1000\nlast');
    expect(lines).toHaveLength(1001);
    expect(lines.at(-1)).toBe('last');
  });

  test('takes environment and directory as given', async () => {
    const result = await run('/bin/sh', ['-c', 'echo $A $HOME; pwd'], {
      env: { A: 'b' },
      cwd: '/',
    });
    expect(result.stdout).toBe('b\n/\n');
  });

  test('fails for a program that is not there', async () => {
    await expect(run('/nonexistent', [])).rejects.toMatchObject({
      kind: 'commandNotFound',
      code: 'RUN_FAILED',
    });
    await expect(run('/etc/passwd', [])).rejects.toMatchObject({ kind: 'commandNotExecutable' });
  });

  test('is ended by its signal', async () => {
    await expect(run('sleep', ['60'], { signal: AbortSignal.timeout(30) })).rejects.toMatchObject({
      kind: 'timedOut',
    });
    await expect(run('true', [], { signal: AbortSignal.abort() })).rejects.toMatchObject({
      kind: 'canceled',
    });
  });
});
