import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ContainerHandle } from '../../../src/engine/contract.js';
import { openTestEngine, type TestEngine } from '../../fixtures/engine.js';
import { describeAsRoot } from '../../privileges.js';
import { output, shell } from './isolation.js';

/** The system manager listens from early on; the shell has nothing better than looking for that. */
const booted = `
  until [ -S /run/systemd/private ]; do sleep 0.05; done
  systemctl is-system-running --wait
  systemctl is-active console-getty
  systemctl list-units --failed --no-legend`;

const minutes = 60_000;

describeAsRoot('a container that runs systemd', () => {
  let own: TestEngine;
  let container: ContainerHandle;
  beforeAll(async () => {
    own = await openTestEngine();
    await own.engine.images.buildBase('debian-systemd');
    container = await own.engine.run({ image: 'debian-systemd', resources: { pidsLimit: 200 } });
  }, 10 * minutes);
  afterAll(async () => {
    await own[Symbol.asyncDispose]();
  });

  test(
    'boots without a failed unit',
    async () => {
      expect(await shell(container, booted)).toBe('running\ninactive\n');
    },
    3 * minutes,
  );

  test('is known to it as a container, on tmpfs, in groups of its own making', async () => {
    expect(await output(container, ['cat', '/run/systemd/container'])).toBe('warren\n');
    const types = ['stat', '-f', '-c', '%T', '/run', '/run/lock', '/tmp', '/sys/fs/cgroup'];
    expect(await output(container, types)).toBe('tmpfs\ntmpfs\ntmpfs\ncgroup2fs\n');
    expect(await output(container, ['grep', '^0::', '/proc/1/cgroup'])).toBe('0::/init.scope\n');
  });

  test('starts services in them', async () => {
    const started = [
      'systemd-run',
      '--quiet',
      '--wait',
      '--pipe',
      'grep',
      '^0::',
      '/proc/self/cgroup',
    ];
    expect(await output(container, started)).toMatch(/^0::\/system\.slice\/run-.*\.service\n$/);
  });

  test('counts all of its processes, and keeps its limit', async () => {
    const accounts = await container.limits();
    const pids = accounts.find(({ resource }) => resource === 'pids');
    expect(pids).toMatchObject({ limit: 200 });
    expect(pids?.held).toBeGreaterThan(2);
    expect(await shell(container, 'echo 4096 > /proc/sys/kernel/pid_max')).toMatch(/Read-only/);
  });

  test(
    'shuts down in order when it is stopped',
    async () => {
      const exit = await container.stop({ timeoutMs: 2 * minutes });
      expect(exit).toMatchObject({ code: 0, signal: null, reason: 'stop' });
    },
    3 * minutes,
  );
});
