import { afterAll, beforeAll, expect, test } from 'vitest';
import { describeAsRoot } from '../../privileges.js';
import { type Isolation, openIsolation, output, shell } from './isolation.js';

describeAsRoot('a container to which its cgroup is handed', () => {
  let own: Isolation;
  beforeAll(async () => {
    own = await openIsolation();
  });
  afterAll(async () => {
    await own[Symbol.asyncDispose]();
  });

  const limits = { memoryBytes: 64 * 2 ** 20, pidsLimit: 50 };

  test('makes groups, and its processes live in them', async () => {
    await using container = await own.start({ systemd: 'always', resources: limits });
    const moved = 'cd /sys/fs/cgroup && mkdir -p a/b && echo $$ > a/b/cgroup.procs';
    const { stdout, exitCode } = await container.exec([
      'sh',
      '-c',
      `${moved} && grep ^0:: /proc/self/cgroup`,
    ]);
    expect([stdout, exitCode]).toEqual(['0::/a/b\n', 0]);
  });

  test('can change no limit of its own, nor how much it may build', async () => {
    await using container = await own.start({ systemd: 'always', resources: limits });
    const delegated = 'cgroup.procs|cgroup.threads|cgroup.subtree_control';
    const attempt = `
      cd /sys/fs/cgroup
      for file in *; do
        [ -d $file ] && continue
        case $file in ${delegated}) continue;; esac
        for value in max 1 0; do
          if (echo $value > $file) 2>/dev/null; then echo changed $file; fi
        done
        if chmod 777 $file 2>/dev/null; then echo opened $file; fi
      done
      ls | wc -l`;
    const [count, ...rest] = (await shell(container, attempt)).trim().split('\n').reverse();
    expect(rest).toEqual([]);
    expect(Number(count)).toBeGreaterThan(5);
    const accounts = await container.limits();
    const limitOf = (name: string) => accounts.find((account) => account.resource === name)?.limit;
    expect([limitOf('memory'), limitOf('pids')]).toEqual([limits.memoryBytes, limits.pidsLimit]);
  });

  test('cannot build without end, and nothing of what it built is left', async () => {
    await using container = await own.start({ systemd: 'always' });
    const deep =
      'cd /sys/fs/cgroup; n=0; while mkdir d 2>/dev/null; do cd d; n=$((n+1)); done; echo $n';
    expect(await shell(container, deep)).toBe('32\n');
    const { cgroupPath } = (await container.inspect()).record;
    await container.remove({ force: true });
    const found = await own.engine.system.leaks({ fix: false });
    expect(JSON.stringify(found)).not.toContain(cgroupPath);
  });

  test('is entered by exec after it closed its own group to processes', async () => {
    await using container = await own.start({ systemd: 'always', resources: limits });
    const close = `
      cd /sys/fs/cgroup && mkdir init.scope
      for pid in $(cat cgroup.procs); do echo $pid > init.scope/cgroup.procs; done 2>/dev/null
      cat cgroup.controllers
      for one in $(cat cgroup.controllers); do echo +$one > cgroup.subtree_control; done`;
    const controllers = (await output(container, ['sh', '-c', close])).trim();
    const group = await output(container, ['grep', '^0::', '/proc/self/cgroup']);
    // Without controllers, on a hybrid host, the group stays open.
    expect(group).toBe(controllers === '' ? '0::/\n' : '0::/init.scope\n');
  });

  test('is the only one that gets it', async () => {
    await using container = await own.start();
    expect(await shell(container, 'mkdir /sys/fs/cgroup/a')).toMatch(/Read-only|denied/);
  });
});
