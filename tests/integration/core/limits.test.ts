import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ContainerHandle } from '../../../src/engine/contract.js';
import type { Resources } from '../../../src/model/resources.js';
import type { LimitAccount } from '../../../src/model/stats.js';
import { openTestEngine, type TestEngine } from '../../fixtures/engine.js';
import { describeAsRoot, describeWith } from '../../privileges.js';
import { pureV2, unifiedFile, v1Controllers } from './core.js';

const mebibyte = 2 ** 20;

describeAsRoot('limits', () => {
  let own: TestEngine;
  beforeAll(async () => {
    own = await openTestEngine();
  });
  afterAll(async () => {
    await own[Symbol.asyncDispose]();
  });

  async function idle(resources: Resources): Promise<ContainerHandle> {
    return own.engine.run({ image: 'tiny', command: ['pause'], resources });
  }

  async function account(container: ContainerHandle, resource: string): Promise<LimitAccount> {
    const rows = await container.limits();
    const row = rows.find((candidate) => candidate.resource === resource);
    if (row === undefined) throw new Error(`No row ${resource} in ${JSON.stringify(rows)}`);
    return row;
  }

  test('a container that eats more memory than it may is killed, and that is told', async () => {
    await using container = await own.engine.run({
      image: 'tiny',
      command: ['eat-memory', '64m'],
      resources: { memoryBytes: 16 * mebibyte },
    });
    expect(await container.wait()).toMatchObject({ code: 137, signal: 'SIGKILL', oomKilled: true });
  });

  test('an exec that eats too much is killed alone; more memory lets it live', async () => {
    await using container = await idle({ memoryBytes: 16 * mebibyte });
    const eater = await container.exec(['eat-memory', '32m']);
    expect(eater).toMatchObject({ signal: 'SIGKILL', oomKilled: true });
    expect((await container.state()).status).toBe('running');
    expect((await account(container, 'oom kills')).timesHit).toBeGreaterThan(0);
    const memory = await account(container, 'memory');
    expect(memory).toMatchObject({ unit: 'bytes', limit: 16 * mebibyte });
    expect(memory.maximum).toBeGreaterThan(12 * mebibyte);
    expect(memory.timesHit).toBeGreaterThan(0);
    await container.update({ resources: { memoryBytes: 64 * mebibyte } });
    expect(await container.exec(['eat-memory', '32m'])).toMatchObject({ exitCode: 0 });
    expect((await container.stats()).memory).toMatchObject({ limitBytes: 64 * mebibyte });
  });

  test('a fork bomb gets as many processes as it may, and more after an update', async () => {
    await using container = await idle({ pidsLimit: 8 });
    const bomb = async (): Promise<string> => (await container.exec(['fork-bomb'])).stdout;
    expect(await bomb()).toMatch(/^fork-bomb: 6 processes, then resource limit reached/);
    expect(await account(container, 'pids')).toMatchObject({ limit: 8 });
    expect((await account(container, 'pids')).timesHit).toBeGreaterThan(0);
    await container.update({ resources: { pidsLimit: 20 } });
    expect(await bomb()).toMatch(/^fork-bomb: 18 processes/);
  });

  test('a burner gets its share of a CPU, and the pressure shows what it misses', async () => {
    // So little that a busy machine, too, would give more.
    await using container = await idle({ cpus: 0.05 });
    const { stdout } = await container.exec(['burn', '1']);
    const [used = 0, elapsed = 0] = (stdout.match(/[\d.]+/g) ?? []).map(Number);
    expect(elapsed).toBeGreaterThanOrEqual(1);
    // A period's worth may be used at either end.
    expect(used).toBeLessThan(0.05 * elapsed + 0.05);
    const { cpu, pressure } = await container.stats();
    expect(cpu?.throttledPeriods).toBeGreaterThan(0);
    expect(pressure.cpu?.some.totalUs).toBeGreaterThan(0);
    expect(pressure.memory?.full).not.toBeNull();
    expect(pressure.io).not.toBeNull();
    await container.update({ resources: { cpus: 0.5 } });
    expect(await account(container, 'cpus')).toMatchObject({ limit: 0.5 });
  });

  test('a container without a memory limit gets one while it runs', async () => {
    await using container = await idle({});
    await container.update({ resources: { memoryBytes: 16 * mebibyte, cpuShares: 512 } });
    expect(await container.exec(['eat-memory', '32m'])).toMatchObject({ oomKilled: true });
    await container.update({ resources: { memoryBytes: -1 } });
    expect(await container.exec(['eat-memory', '32m'])).toMatchObject({ exitCode: 0 });
  });

  test('a device may be used as far as its permissions go', async () => {
    await using container = await own.engine.run({
      image: 'tiny',
      command: ['pause'],
      devices: [{ hostPath: '/dev/fuse', containerPath: '/dev/written', permissions: 'w' }],
    });
    // Without a mount a FUSE device can be opened and nothing else.
    const opened = await container.exec(['write', '/dev/written', 'x']);
    expect(opened.stderr).toContain('cannot write to');
    const refused = await container.exec(['cat', '/dev/written']);
    expect(refused.stderr).toMatch(/cannot open .*not permitted/);
    expect((await container.exec(['write', '/dev/null', 'x'])).exitCode).toBe(0);
  });

  describeWith(v1Controllers, 'of cgroup v1', () => {
    test('what only cgroup v2 has is refused with the reason', async () => {
      for (const resources of [
        { memoryHighBytes: 8 * mebibyte },
        { memoryMinBytes: mebibyte },
        { oomGroup: true },
      ]) {
        await expect(idle(resources)).rejects.toMatchObject({ kind: 'unsupported' });
      }
      expect(await own.engine.containers.list({ all: true })).toEqual([]);
    });
  });

  describeWith(pureV2, 'of cgroup v2', () => {
    test('memory.high, low, min and max are set and changed while it runs', async () => {
      await using container = await idle({
        memoryBytes: 64 * mebibyte,
        memoryHighBytes: 32 * mebibyte,
        memoryReservationBytes: 8 * mebibyte,
        memoryMinBytes: 4 * mebibyte,
      });
      const values = async (): Promise<(string | null)[]> =>
        Promise.all(
          ['max', 'high', 'low', 'min'].map(async (name) =>
            unifiedFile(container, `memory.${name}`),
          ),
        );
      expect(await values()).toEqual([64, 32, 8, 4].map((size) => String(size * mebibyte)));
      await container.update({
        resources: {
          memoryHighBytes: 48 * mebibyte,
          memoryReservationBytes: 16 * mebibyte,
          memoryMinBytes: -1,
        },
      });
      expect(await values()).toEqual([...[64, 48, 16].map((size) => String(size * mebibyte)), '0']);
      expect(await account(container, 'memory.high')).toMatchObject({ limit: 48 * mebibyte });
    });

    test('memory.high slows down instead of killing', async () => {
      await using container = await idle({ memoryHighBytes: 8 * mebibyte });
      const eater = await container.exec(['eat-memory', '10m', '60'], { timeoutMs: 3000 });
      expect(eater).toMatchObject({ oomKilled: false, timedOut: true });
      expect((await account(container, 'memory.high')).timesHit).toBeGreaterThan(0);
      expect((await container.stats()).pressure.memory?.some.totalUs).toBeGreaterThan(0);
    });

    test('memory.oom.group ends the whole container when one process eats too much', async () => {
      await using container = await idle({ memoryBytes: 16 * mebibyte, oomGroup: true });
      const waiting = container.wait();
      const eater = await container.exec(['eat-memory', '32m']);
      expect(eater).toMatchObject({ signal: 'SIGKILL', oomKilled: true });
      expect(await waiting).toMatchObject({ signal: 'SIGKILL', oomKilled: true });
    });

    describe('io.max', () => {
      const disk = '/dev/vda';

      test('bites, and is lifted while the container runs', async () => {
        await using container = await own.engine.run({
          image: 'tiny',
          command: ['pause'],
          devices: [{ hostPath: disk, containerPath: disk, permissions: 'r' }],
          resources: { blkioReadBps: [{ device: disk, rate: mebibyte }] },
        });
        const read = async (timeoutMs: number): Promise<number> => {
          await container.exec(['cat', disk], { timeoutMs, maxOutputBytes: 2 ** 29 });
          const { io } = await container.stats();
          return (io ?? []).reduce((sum, { readBytes }) => sum + readBytes, 0);
        };
        const slow = await read(2000);
        expect(slow).toBeGreaterThan(0);
        // Two seconds' worth, and what was on its way.
        expect(slow).toBeLessThan(6 * mebibyte);
        expect(await unifiedFile(container, 'io.max')).toContain(`rbps=${mebibyte} wbps=max`);
        await container.update({ resources: { blkioReadBps: [{ device: disk, rate: 2 ** 30 }] } });
        // Under the old limit ten seconds would give less, and what was on its way.
        expect(await read(10_000)).toBeGreaterThan(slow + 16 * mebibyte);
      });
    });
  });
});
