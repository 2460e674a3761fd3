import { afterAll, beforeAll, expect, test } from 'vitest';
import type { EngineEvent } from '../../../src/model/events.js';
import { describeAsRoot } from '../../privileges.js';
import { type Isolation, openIsolation, output, shell } from './isolation.js';

const mebibyte = 1024 * 1024;

describeAsRoot('limits of a hostile container', () => {
  let own: Isolation;
  beforeAll(async () => {
    own = await openIsolation();
  });
  afterAll(async () => {
    await own[Symbol.asyncDispose]();
  });

  test('an eater of memory is killed, and reported as such', async () => {
    const controller = new AbortController();
    const seen: EngineEvent[] = [];
    const events = (async () => {
      for await (const event of own.engine.events({ signal: controller.signal })) seen.push(event);
    })().catch(() => undefined);
    await using container = await own.engine.run({
      image: 'busybox',
      command: ['tail', '/dev/zero'],
      resources: { memoryBytes: 16 * mebibyte },
    });
    expect(await container.wait()).toMatchObject({ oomKilled: true, code: 137, signal: 'SIGKILL' });
    const { lastExit } = await container.state();
    expect(lastExit).toMatchObject({ oomKilled: true, code: 137 });
    await expect
      .poll(() => seen.flatMap((event) => (event.type === 'container' ? [event.action] : [])))
      .toEqual(expect.arrayContaining(['oom', 'die']));
    controller.abort();
    await events;
  });

  test('an exec that eats memory is reported as such, and the container lives', async () => {
    await using container = await own.start({ resources: { memoryBytes: 16 * mebibyte } });
    expect(await container.exec(['tail', '/dev/zero'])).toMatchObject({
      oomKilled: true,
      signal: 'SIGKILL',
    });
    expect((await container.state()).status).toBe('running');
  });

  test('a fork bomb stays within its number of processes, and can be ended', async () => {
    await using container = await own.start({ resources: { pidsLimit: 40 } });
    await using other = await own.start();
    await container.spawn(['sh', '-c', 'b() { b | b & }; b; while :; do b; done'], {
      output: false,
    });
    await expect
      .poll(async () => (await container.stats()).pids?.current, { timeout: 10_000 })
      .toBeGreaterThan(30);
    expect((await container.stats()).pids).toMatchObject({ limit: 40 });
    expect((await container.stats()).pids?.current).toBeLessThanOrEqual(41);
    expect((await other.exec(['true'])).exitCode).toBe(0);
    expect(await container.stop({ timeoutMs: 0 })).toMatchObject({ signal: 'SIGKILL' });
  });

  test('burners of processor time get their share', async () => {
    await using container = await own.start({ resources: { cpus: 0.2 } });
    for (let i = 0; i < 3; i += 1) {
      await container.spawn(['sh', '-c', 'while :; do :; done'], { output: false });
    }
    const before = await container.stats();
    await new Promise((resolve) => setTimeout(resolve, 3000));
    const after = await container.stats();
    const usedUs = (after.cpu?.usageUs ?? 0) - (before.cpu?.usageUs ?? 0);
    const share = usedUs / 1000 / (after.readAtMs - before.readAtMs);
    expect(share).toBeLessThan(0.3);
    // Others use the machine too.
    expect(share).toBeGreaterThan(0.02);
    expect(after.cpu?.throttledPeriods).toBeGreaterThan(0);
  });

  test('memory file systems end at their size', async () => {
    await using container = await own.start({
      shmSizeBytes: 2 * mebibyte,
      mounts: [{ type: 'tmpfs', target: '/small', sizeBytes: mebibyte }],
    });
    for (const [path, size] of [
      ['/dev/shm', 2 * mebibyte],
      ['/small', mebibyte],
    ] as const) {
      const text = await shell(container, `dd if=/dev/zero of=${path}/x bs=64k; wc -c < ${path}/x`);
      expect(text).toContain('No space left');
      expect(Number(text.trim().split('\n').at(-1))).toBeLessThanOrEqual(size);
    }
    await using volatile = await own.start({ volatile: true, volatileSizeBytes: 4 * mebibyte });
    expect(await shell(volatile, 'dd if=/dev/zero of=/big bs=64k')).toContain('No space left');
    await using none = await own.start({ shmSizeBytes: 0 });
    expect(await shell(none, 'echo x > /dev/shm/x')).toMatch(/Read-only/);
  });

  test('resource limits of processes hold, and cannot be raised inside', async () => {
    await using container = await own.start({
      ulimits: [
        { name: 'nofile', soft: 64, hard: 128 },
        { name: 'core', soft: 0, hard: 0 },
      ],
    });
    expect(await output(container, ['sh', '-c', 'ulimit -n; ulimit -Hn; ulimit -Hc'])).toBe(
      '64\n128\n0\n',
    );
    expect(await shell(container, 'ulimit -Hn 256')).toContain('not permitted');
  });

  test('a limit can be lowered while it is used up', async () => {
    await using container = await own.start({ resources: { pidsLimit: 100 } });
    await container.update({ resources: { pidsLimit: 3 } });
    expect(await shell(container, 'for i in 1 2 3 4 5 6; do sleep 5 & done')).toMatch(
      /fork|Resource/,
    );
  });
});
