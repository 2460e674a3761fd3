import { readFileSync, readlinkSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { isWarrenError } from '../../../src/base/errors.js';
import type { ContainerConfig } from '../../../src/model/container-config.js';
import { describeAsRoot } from '../../privileges.js';
import { type Isolation, openIsolation, output, shell, statusFields } from './isolation.js';

describeAsRoot('processes of a hostile container', () => {
  let own: Isolation;
  beforeAll(async () => {
    own = await openIsolation('processes');
  });
  afterAll(async () => {
    await own[Symbol.asyncDispose]();
  });

  const attackers: readonly (readonly [string, Partial<ContainerConfig>])[] = [
    ['with CAP_SYS_PTRACE and CAP_SYS_ADMIN', { capAdd: ['SYS_PTRACE', 'SYS_ADMIN'] }],
    ['that is privileged', { privileged: true }],
  ];

  describe.each(attackers)('a container %s', (_title, config) => {
    test('gets nothing of a process that joins it', async () => {
      await using container = await own.start(config);
      const watch = container.exec(['/hostile/processes', 'watch', '4000']);
      let joined = 0;
      const end = Date.now() + 3500;
      while (Date.now() < end) {
        await Promise.all([
          ...Array.from({ length: 4 }, () => container.exec(['true'])),
          container.exec(['true'], { tty: true }),
          container.exec(['true'], { user: '1000', privileged: true }),
        ]);
        joined += 6;
      }
      const { stdout } = await watch;
      expect(joined).toBeGreaterThan(20);
      expect(stdout).not.toContain('GOT');
      const [, seen = '0', denied = '0'] = /seen (\d+), denied (\d+)/.exec(stdout) ?? [];
      expect(Number(seen)).toBeGreaterThan(10);
      // It was there in time: before they executed their programs.
      expect(Number(denied)).toBeGreaterThan(0);
    });
  });

  test('a container that stops what joins it holds up nobody', async () => {
    await using hostile = await own.start();
    await using other = await own.start();
    const stopping = hostile.exec(['/hostile/processes', 'stop', '6000']);
    const outcomes: Promise<unknown>[] = [];
    for (let i = 0; i < 30; i += 1) {
      outcomes.push(hostile.exec(['true'], { timeoutMs: 3000 }).catch((error: unknown) => error));
    }
    const start = performance.now();
    expect((await other.exec(['true'])).exitCode).toBe(0);
    await using _third = await own.start();
    expect(performance.now() - start).toBeLessThan(5000);
    for (const outcome of await Promise.all(outcomes)) {
      if (outcome instanceof Error) expect(isWarrenError(outcome)).toBe(true);
    }
    await stopping;
    expect((await hostile.exec(['true'])).exitCode).toBe(0);
  }, 60_000);

  test('a container that kills what joins it only harms itself', async () => {
    await using hostile = await own.start();
    await using other = await own.start();
    const killing = hostile.exec(['/hostile/processes', 'kill', '3000']);
    const outcomes = await Promise.all(
      Array.from({ length: 60 }, () => hostile.exec(['true']).catch((error: unknown) => error)),
    );
    for (const outcome of outcomes) {
      if (outcome instanceof Error) expect(isWarrenError(outcome)).toBe(true);
      else expect(outcome).toHaveProperty('usage');
    }
    await killing;
    expect((await hostile.exec(['true'])).exitCode).toBe(0);
    expect((await other.exec(['true'])).exitCode).toBe(0);
  });

  test('neither init nor a program of its own leads to a file that it can change', async () => {
    await using container = await own.start({ init: true, capAdd: ['ALL'] });
    const before = await shell(container, 'md5sum /proc/1/exe');
    expect(await shell(container, 'readlink /proc/1/exe')).toContain('warren-init');
    expect(await output(container, ['/hostile/processes', 'overwrite', '1'])).toBe('tried\n');
    expect(await shell(container, 'md5sum /proc/1/exe')).toBe(before);
  });

  describe('descriptors', () => {
    test('of a container’s own process are 0, 1 and 2', async () => {
      for (const config of [
        {},
        { tty: true },
        { stdinOpen: true },
        { init: true },
        { userns: 'host' } as const,
      ]) {
        await using container = await own.start({
          ...config,
          command: ['/hostile/processes', 'fds'],
        });
        await container.wait();
        const lines: string[] = [];
        for await (const { text } of container.logs()) lines.push(text.toString());
        expect(lines.join('').trim()).toBe('0 1 2');
      }
    });

    test('of an exec are 0, 1 and 2', async () => {
      await using container = await own.start();
      for (const options of [
        {},
        { tty: true },
        { input: 'x' },
        { user: '1000' },
        { privileged: true },
      ]) {
        const { stdout } = await container.exec(['/hostile/processes', 'fds'], options);
        expect(stdout.trim()).toBe('0 1 2');
      }
    });
  });

  test('it sees and signals nobody else', async () => {
    await using container = await own.start({ privileged: true });
    await using other = await own.start();
    const { pid } = await other.state();
    const pids = [process.pid, process.ppid, pid].map(String);
    const reached = await output(container, ['/hostile/processes', 'signal', ...pids]);
    expect(
      reached
        .trim()
        .split('\n')
        .map((line) => line.replace(/^\d+ /, '')),
    ).toEqual(pids.map(() => 'No such process'));
    const seen = (await shell(container, 'ps -o pid,comm')).trim().split('\n').slice(1);
    expect(seen.map((line) => line.trim().replace(/^\d+ +/, '')).sort()).toEqual(['ps', 'sleep']);
  });

  describe('as the host sees them', () => {
    test('root inside is nobody outside', async () => {
      await using container = await own.start();
      const { pid } = await container.state();
      const fields = statusFields(readFileSync(`/proc/${pid}/status`, 'utf8'));
      const { record } = await container.inspect();
      const base = String(record.ids?.base);
      expect(Number(base)).toBeGreaterThan(0);
      expect(fields['Uid']?.split('\t')).toEqual([base, base, base, base]);
      expect(fields['Gid']?.split('\t')).toEqual([base, base, base, base]);
      expect(await output(container, ['id', '-u'])).toBe('0\n');
      expect(readFileSync(`/proc/${pid}/uid_map`, 'utf8').trim().split(/\s+/)).toEqual([
        '0',
        base,
        '65536',
      ]);
    });

    test('two containers have no id in common', async () => {
      await using one = await own.start();
      await using two = await own.start();
      const bases = await Promise.all(
        [one, two].map(async (it) => (await it.inspect()).record.ids?.base ?? 0),
      );
      expect(Math.abs((bases[0] ?? 0) - (bases[1] ?? 0))).toBeGreaterThanOrEqual(65536);
    });

    test('every namespace is its own', async () => {
      await using container = await own.start();
      const { pid } = await container.state();
      const names = ['cgroup', 'ipc', 'mnt', 'net', 'pid', 'user', 'uts'];
      const of = (id: number | string, name: string): string =>
        readlinkSync(`/proc/${id}/ns/${name}`);
      for (const name of names) expect(of(pid, name)).not.toBe(of('self', name));
    });
  });
});
