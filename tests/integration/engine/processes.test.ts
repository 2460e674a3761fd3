import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ContainerHandle } from '../../../src/engine/contract.js';
import { openTestEngine, type TestEngine } from '../../fixtures/engine.js';
import { describeAsRoot } from '../../privileges.js';

async function read(stream: NodeJS.ReadableStream | null): Promise<string> {
  let text = '';
  if (stream !== null) for await (const chunk of stream) text += String(chunk);
  return text;
}

describeAsRoot('processes in a container', () => {
  let own: TestEngine;
  let container: ContainerHandle;
  beforeAll(async () => {
    own = await openTestEngine();
    container = await own.engine.run({
      image: 'tiny',
      command: ['pause'],
      env: ['A=1'],
      hostname: 'box',
    });
  });
  afterAll(async () => {
    await own[Symbol.asyncDispose]();
  });

  test('exec gives output, exit code and usage in one call', async () => {
    expect(await container.exec(['echo', 'a', 'b'])).toMatchObject({
      exitCode: 0,
      signal: null,
      timedOut: false,
      stdout: 'a b\n',
      stderr: '',
    });
    expect((await container.exec(['exit', '9'])).exitCode).toBe(9);
  });

  test('exec feeds its input and ends it', async () => {
    expect((await container.exec(['cat'], { input: 'text' })).stdout).toBe('text');
    const stream = Readable.from([Buffer.from('one '), Buffer.from('two')]);
    expect((await container.exec(['cat'], { input: stream })).stdout).toBe('one two');
    const large = 'x'.repeat(3_000_000);
    expect((await container.exec(['cat'], { input: large })).stdout).toBe(large);
  });

  test('exec is killed after its time', async () => {
    const result = await container.exec(['pause'], { timeoutMs: 50 });
    expect(result).toMatchObject({ exitCode: null, signal: 'SIGKILL', timedOut: true });
  });

  test('exec ends with its signal', async () => {
    const running = container.exec(['pause'], { signal: AbortSignal.timeout(50) });
    await expect(running).rejects.toMatchObject({ kind: 'timedOut' });
  });

  test('exec refuses more output than it may keep', async () => {
    const running = container.exec(['cat', '/dev/zero'], { maxOutputBytes: 1000 });
    await expect(running).rejects.toMatchObject({ code: 'OUTPUT_LIMIT' });
  });

  test('exec tells a missing command', async () => {
    await expect(container.exec(['no-such-program'])).rejects.toMatchObject({
      kind: 'commandNotFound',
    });
  });

  test('spawn gives the streams', async () => {
    const running = await container.spawn(['cat'], { stdin: true });
    running.stdin?.write('hello\n');
    running.stdin?.end();
    expect(await read(running.stdout)).toBe('hello\n');
    expect(await running.exit).toMatchObject({ exitCode: 0 });
  });

  test('a spawned process can be killed', async () => {
    const running = await container.spawn(['pause']);
    await running.kill('SIGTERM');
    const exit = await running.exit;
    expect([exit.signal, exit.exitCode]).toContainEqual(exit.signal ?? exit.exitCode);
  });

  test('a hundred at once all end well', async () => {
    const results = await Promise.all(
      Array.from({ length: 100 }, async (_, index) => container.exec(['echo', String(index)])),
    );
    expect(results.map(({ stdout }) => stdout.trim())).toEqual(
      results.map((_, index) => String(index)),
    );
  });

  test('top shows the processes with the ids of the container', async () => {
    const { titles, rows } = await container.top();
    expect(titles).toEqual(['UID', 'PID', 'PPID', 'C', 'STIME', 'TTY', 'TIME', 'CMD']);
    expect(rows).toHaveLength(1);
    expect([rows[0]?.[0], rows[0]?.[7]]).toEqual(['0', 'pause']);
  });

  test('runAttached gives what the process writes from its first byte, and its exit', async () => {
    const run = await own.engine.runAttached(
      { image: 'tiny', command: ['echo', 'first'], autoRemove: true },
      { attach: {} },
    );
    expect(await read(run.process.stdout)).toBe('first\n');
    expect(await run.process.exit).toMatchObject({ exitCode: 0 });
    await expect(own.engine.get(run.container.id)).rejects.toMatchObject({ kind: 'notFound' });
  });

  test('an attached process reads its input', async () => {
    const { container: made, process } = await own.engine.runAttached(
      { image: 'tiny', command: ['cat'], stdinOpen: true, stdinOnce: true },
      { attach: { stdin: true } },
    );
    await using _made = made;
    process.stdin?.end('to the container');
    expect(await read(process.stdout)).toBe('to the container');
    expect(await process.exit).toMatchObject({ exitCode: 0 });
  });

  describe('logs', () => {
    test('hold what was written, and follow until the end', async () => {
      await using noisy = await own.engine.run({ image: 'tiny', command: ['echo', 'line'] });
      const followed: string[] = [];
      for await (const entry of noisy.logs({ follow: true })) {
        followed.push(`${entry.stream} ${entry.text.toString()}`);
      }
      expect(followed).toEqual(['stdout line']);
      await noisy.start();
      await noisy.wait();
      const all: string[] = [];
      for await (const entry of noisy.logs({ tail: 1 })) all.push(entry.text.toString());
      expect(all).toEqual(['line']);
    });

    test('of a container without a log are refused', async () => {
      await using quiet = await own.engine.run({
        image: 'tiny',
        command: ['true'],
        log: { driver: 'none' },
      });
      const reading = quiet.logs()[Symbol.asyncIterator]().next();
      await expect(reading).rejects.toMatchObject({ code: 'NO_LOGS' });
    });
  });
});
