import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { mapBounded } from '../../../src/base/limit.js';
import { openTestEngine, type TestEngine } from '../../fixtures/engine.js';
import { describeAsRoot, describeWith } from '../../privileges.js';
import { pureV2, unifiedFile } from './core.js';

interface Probe {
  readonly pid: number;
  readonly uid: number;
  readonly pids: readonly number[];
  readonly cgroup: readonly string[];
  readonly uidMap: readonly string[];
}

/** Where the kernel shows the unified hierarchy on this host. */
function unifiedRoot(): string {
  const lines = readFileSync('/proc/self/mountinfo', 'utf8').split('\n');
  const line = lines.find((candidate) => candidate.includes(' - cgroup2 '));
  return line?.split(' ')[4] ?? '';
}

describeAsRoot('a container on this kernel and cgroup layout', () => {
  let own: TestEngine;
  beforeAll(async () => {
    own = await openTestEngine();
  });
  afterAll(async () => {
    await own[Symbol.asyncDispose]();
  });

  test('sees itself as all there is', async () => {
    await using container = await own.engine.run({ image: 'tiny', command: ['pause'] });
    const { stdout } = await container.exec(['probe']);
    const seen = JSON.parse(stdout) as Probe;
    expect(seen).toMatchObject({ uid: 0, pids: [1, seen.pid] });
    expect(seen.cgroup).toContain('0::/');
    expect(seen.uidMap[0]).toMatch(/^ +0 +[1-9]\d{5,} +65536$/);
    const procs = await container.exec(['cat', '/sys/fs/cgroup/cgroup.procs']);
    expect(procs.stdout).toMatch(/^1\n\d+\n$/);
  });

  test('is in a group of its own that everybody may search, whatever the umask', async () => {
    const mask = process.umask(0o077);
    try {
      await using other = await openTestEngine();
      await using container = await other.engine.run({ image: 'tiny', command: ['pause'] });
      const { record, state } = await container.inspect();
      const membership = readFileSync(`/proc/${state.pid}/cgroup`, 'utf8');
      expect(membership).toMatch(new RegExp(`^0::/${record.cgroupPath}$`, 'm'));
      const parts = record.cgroupPath.split('/');
      const modes = parts.map((_, index) => {
        const path = join(unifiedRoot(), ...parts.slice(0, index + 1));
        return (statSync(path).mode & 0o777).toString(8);
      });
      expect(new Set(modes)).toEqual(new Set(['755']));
    } finally {
      process.umask(mask);
    }
  });

  describeWith(pureV2, 'with cgroup v2 alone', () => {
    test('is born in its group: the keeper’s never holds more than the keeper', async () => {
      await using warm = await own.engine.run({ image: 'tiny', command: ['pause'] });
      await warm.exec(['true']);
      // The first limit of processes brings the controller, which counts from then on.
      await using container = await own.engine.run({
        image: 'tiny',
        command: ['pause'],
        resources: { pidsLimit: 8 },
      });
      await container.exec(['true']);
      const leaf = join(unifiedRoot(), own.scope.cgroupParent, 'keeper-0');
      const read = (file: string): string => readFileSync(join(leaf, file), 'utf8');
      expect(read('pids.peak')).toBe(read('pids.current'));
    });
  });

  // One of some hundred, on one CPU, was interrupted in the middle of its execve and taken for ended.
  test('runs three hundred commands, six at a time', async () => {
    await using container = await own.engine.run({ image: 'tiny', command: ['pause'] });
    const codes = await mapBounded(Array(300).fill(['true']) as string[][], 6, async (command) => {
      const { exitCode } = await container.exec(command);
      return exitCode;
    });
    expect(codes.filter((code) => code !== 0)).toEqual([]);
  });

  test('stands still while it is paused, and goes on', async () => {
    await using container = await own.engine.run({ image: 'tiny', command: ['burn'] });
    await container.pause();
    expect(await unifiedFile(container, 'cgroup.events')).toContain('frozen 1');
    const before = (await container.stats()).cpu?.usageUs ?? 0;
    expect((await container.stats()).cpu?.usageUs).toBe(before);
    await container.unpause();
    expect(await unifiedFile(container, 'cgroup.events')).toContain('frozen 0');
    await expect
      .poll(async () => (await container.stats()).cpu?.usageUs, { timeout: 20_000 })
      .toBeGreaterThan(before);
  });

  test('ends with everything in it when it is killed, paused or not', async () => {
    for (const paused of [false, true]) {
      await using container = await own.engine.run({ image: 'tiny', command: ['pause'] });
      const others = await Promise.all([container.spawn(['pause']), container.spawn(['pause'])]);
      if (paused) await container.pause();
      const waiting = container.wait();
      await container.kill();
      expect(await waiting).toMatchObject({ code: 137, signal: 'SIGKILL', reason: 'kill' });
      for (const { exit } of others) expect(await exit).toMatchObject({ signal: 'SIGKILL' });
      expect(await unifiedFile(container, 'cgroup.procs')).toBeNull();
    }
  });

  test('that ignores its stop signal is killed after its time', async () => {
    await using container = await own.engine.run({ image: 'tiny', command: ['signal-echo'] });
    const exit = await container.stop({ timeoutMs: 300 });
    expect(exit).toMatchObject({ code: 137, signal: 'SIGKILL', reason: 'stop' });
    const written: string[] = [];
    for await (const entry of container.logs()) written.push(entry.text.toString());
    expect(written.join('\n')).toContain('TERM');
  });

  test('starts again in a new group, and leaves nothing when it is removed', async () => {
    const container = await own.engine.run({ image: 'tiny', command: ['pause'] });
    const before = await container.state();
    await container.restart({ timeoutMs: 0 });
    const after = await container.state();
    expect(after.status).toBe('running');
    expect(after.pid).not.toBe(before.pid);
    expect(await unifiedFile(container, 'cgroup.procs')).toBe(String(after.pid));
    await container.remove({ force: true });
    expect(await own.engine.system.leaks({ fix: false })).toEqual([]);
  });

  test('one of thirty that one call starts and one call removes', async () => {
    const { engine } = own;
    const config = { image: 'tiny', command: ['pause'], resources: { pidsLimit: 8 } };
    const made = await engine.runMany(config, 30);
    expect(made.filter(({ ok }) => !ok)).toEqual([]);
    expect(await engine.containers.stats()).toHaveLength(30);
    const ids = made.flatMap((result) => (result.ok ? [result.id] : []));
    const removed = await engine.containers.remove(ids, { force: true });
    expect(removed.filter(({ ok }) => !ok)).toEqual([]);
    expect(await engine.system.leaks({ fix: false })).toEqual([]);
  });

  test('whose program is not there leaves nothing', async () => {
    const run = own.engine.run({
      image: 'tiny',
      command: ['no-such-program'],
      resources: { memoryBytes: 2 ** 25, pidsLimit: 8 },
    });
    await expect(run).rejects.toMatchObject({ kind: 'commandNotFound' });
    expect(await own.engine.system.leaks({ fix: false })).toEqual([]);
  });
});
