import { statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ContainerHandle } from '../../../src/engine/contract.js';
import { describeAsRoot } from '../../privileges.js';
import { type Isolation, openIsolation, output, shell, statusFields } from './isolation.js';

const x64 = process.arch === 'x64';

/** Docker's default set (capabilities(7)). */
const defaultCapabilities = '00000000a80425fb';
const none = '0000000000000000';
/** `cap_last_cap` of the running kernel bounds it. */
const sysAdmin = 1n << 21n;

async function status(container: ContainerHandle, user = '0'): Promise<Record<string, string>> {
  return statusFields(await output(container, ['cat', '/proc/self/status'], user));
}

describeAsRoot('privileges in a container', () => {
  let own: Isolation;
  let plain: ContainerHandle;
  beforeAll(async () => {
    own = await openIsolation('processes', 'calls');
    plain = await own.start();
  });
  afterAll(async () => {
    await own[Symbol.asyncDispose]();
  });

  describe('by default', () => {
    test('are Docker’s capabilities, a filter, and set-user-id programs', async () => {
      expect(await status(plain)).toMatchObject({
        CapInh: none,
        CapPrm: defaultCapabilities,
        CapEff: defaultCapabilities,
        CapBnd: defaultCapabilities,
        CapAmb: none,
        NoNewPrivs: '0',
        Seccomp: '2',
      });
    });

    test('of another user than root are none', async () => {
      expect(await status(plain, '1000')).toMatchObject({
        CapPrm: none,
        CapEff: none,
        CapBnd: defaultCapabilities,
        NoNewPrivs: '0',
        Seccomp: '2',
      });
    });

    test('are the same for its first process as for an exec', async () => {
      const first = statusFields(await output(plain, ['cat', '/proc/1/status']));
      const later = await status(plain);
      for (const name of [
        'CapInh',
        'CapPrm',
        'CapEff',
        'CapBnd',
        'CapAmb',
        'NoNewPrivs',
        'Seccomp',
        'Groups',
      ]) {
        expect([name, first[name]]).toEqual([name, later[name]]);
      }
    });
  });

  test('no-new-privileges is set when asked for', async () => {
    await using container = await own.start({ security: { noNewPrivileges: true } });
    expect(await status(container)).toMatchObject({ NoNewPrivs: '1', Seccomp: '2' });
    expect(statusFields(await output(container, ['cat', '/proc/1/status']))['NoNewPrivs']).toBe(
      '1',
    );
  });

  test('capabilities are added and dropped', async () => {
    await using container = await own.start({ capDrop: ['ALL'], capAdd: ['SYS_ADMIN'] });
    expect(BigInt(`0x${(await status(container))['CapBnd']}`)).toBe(sysAdmin);
    await using bare = await own.start({ capDrop: ['ALL'] });
    expect(await status(bare)).toMatchObject({ CapBnd: none, CapEff: none, Seccomp: '2' });
    expect(await shell(bare, 'chown 1 /bin')).toContain('not permitted');
  });

  test('of the host’s user namespace come with no-new-privileges and its own uid 0', async () => {
    await using container = await own.start({ userns: 'host' });
    expect(await status(container)).toMatchObject({
      CapBnd: defaultCapabilities,
      NoNewPrivs: '1',
      Seccomp: '2',
    });
    expect((await output(container, ['cat', '/proc/self/uid_map'])).trim().split(/\s+/)[1]).toBe(
      '0',
    );
    expect(await shell(container, 'mknod /tmp/disk b 254 0; cat /tmp/disk')).toContain(
      'not permitted',
    );
    expect(await shell(container, 'unshare -m true')).toContain('not permitted');
  });

  test('of a privileged container with the host’s user namespace are all, unfiltered', async () => {
    await using container = await own.start({ privileged: true, userns: 'host' });
    const fields = await status(container);
    expect(BigInt(`0x${fields['CapEff']}`) & sysAdmin).toBe(sysAdmin);
    expect(fields).toMatchObject({ NoNewPrivs: '0', Seccomp: '0' });
  });

  test('of a privileged container in its own user namespace reach nothing of the host', async () => {
    await using container = await own.start({ privileged: true });
    expect(await status(container)).toMatchObject({ NoNewPrivs: '0', Seccomp: '0' });
    const before = await shell(plain, 'cat /proc/sys/kernel/panic');
    for (const command of [
      'mknod /tmp/disk b 254 0',
      'echo 1 > /proc/sys/kernel/panic',
      'echo h > /proc/sysrq-trigger',
      'echo 1 > /proc/sys/vm/drop_caches',
      'head -c1 /proc/kcore',
      'mount -t ext4 /dev/vda /mnt',
      'echo 1 > /sys/kernel/profiling',
    ]) {
      expect(await shell(container, `mkdir -p /mnt; ${command} && echo DONE`)).not.toContain(
        'DONE',
      );
    }
    expect(await shell(plain, 'cat /proc/sys/kernel/panic')).toBe(before);
  });

  test('a set-user-id program works, and not with no-new-privileges', async () => {
    const install = 'mkdir -p /tmp; cp /hostile/processes /tmp/suid; chmod 4755 /tmp/suid';
    expect(await shell(plain, install)).toBe('');
    expect(await output(plain, ['/tmp/suid', 'ids'], '1000')).toBe('1000 0 0\n');
    await using container = await own.start({ security: { noNewPrivileges: true } });
    expect(await shell(container, install)).toBe('');
    expect(await output(container, ['/tmp/suid', 'ids'], '1000')).toBe('1000 1000 0\n');
  });

  test('an id that the container does not have is refused', async () => {
    await expect(plain.exec(['true'], { user: '65536' })).rejects.toMatchObject({
      code: 'ID_OUT_OF_RANGE',
    });
    const { record } = await plain.inspect();
    const outside = String(record.ids?.base);
    await expect(plain.exec(['true'], { user: outside })).rejects.toMatchObject({
      kind: 'invalidArgument',
    });
    await expect(plain.exec(['true'], { user: 'nobody-here' })).rejects.toMatchObject({
      code: 'NO_SUCH_USER',
    });
  });

  test('files that root inside makes have small ids on disk, where only root gets', async () => {
    expect(
      await shell(
        plain,
        'mkdir -p /tmp; echo x > /tmp/of-root; touch /tmp/of-user; chown 1000:1001 /tmp/of-user',
      ),
    ).toBe('');
    const { paths } = await plain.inspect();
    expect(statSync(join(paths.upper, 'tmp/of-root'))).toMatchObject({ uid: 0, gid: 0 });
    expect(statSync(join(paths.upper, 'tmp/of-user'))).toMatchObject({ uid: 1000, gid: 1001 });
    expect(statSync(own.scope.dataRoot).mode & 0o777).toBe(0o700);
  });

  describe('system files', () => {
    const refused: readonly (readonly [string, string])[] = [
      ['a sysctl of the host', 'echo 1 > /proc/sys/kernel/panic'],
      ['sysrq', '[ ! -e /proc/sysrq-trigger ] && echo Read-only || echo h > /proc/sysrq-trigger'],
      ['an interrupt’s affinity', 'echo 1 > /proc/irq/default_smp_affinity'],
      ['sysfs', 'echo 0 > /sys/kernel/mm/ksm/run'],
      ['a cgroup', 'mkdir /sys/fs/cgroup/x'],
      ['another cgroup', 'echo 0 > /sys/fs/cgroup/cgroup.procs'],
      ['its own out-of-memory score', 'echo -1000 > /proc/self/oom_score_adj'],
      ['a device node', 'mkdir -p /tmp && mknod /tmp/vda b 254 0'],
      ['a character device', 'mkdir -p /tmp && mknod /tmp/mem c 1 1'],
    ];
    test.each(refused)('%s cannot be written', async (_what, command) => {
      expect(await shell(plain, `${command} && echo DONE`)).toMatch(
        /Read-only|ermission denied|not permitted/,
      );
    });

    test('that tell about the host are empty', async () => {
      for (const path of ['/proc/kcore', '/proc/keys', '/proc/timer_list', '/proc/interrupts']) {
        expect(await shell(plain, `[ ! -e ${path} ] || cat ${path}`)).not.toMatch(/\w/);
      }
      expect(await shell(plain, 'ls /sys/firmware /proc/acpi 2>/dev/null')).not.toMatch(/^\w+$/m);
    });

    test('show no other cgroup than the container’s own', async () => {
      await using other = await own.start();
      expect(await output(plain, ['cat', '/proc/self/cgroup'])).not.toContain(own.scope.prefix);
      for (const line of (await output(plain, ['cat', '/proc/1/cgroup'])).trim().split('\n')) {
        expect(line).toMatch(/^\d+:[^:]*:\/(\.\.\/.*)?$/);
      }
      expect(await shell(plain, 'find /sys/fs/cgroup -type d')).not.toContain(other.id);
    });
  });

  describe.runIf(x64)('system calls', () => {
    const denied: readonly string[] = [
      'keyctl=x64:250:6',
      'add_key=x64:248',
      'bpf=x64:321',
      'perf_event_open=x64:298',
      'kexec_load=x64:246',
      'kexec_file_load=x64:320',
      'init_module=x64:175',
      'finit_module=x64:313',
      'reboot=x64:169',
      'swapon=x64:167',
      'open_by_handle_at=x64:304',
      'userfaultfd=x64:323',
      'io_uring_setup=x64:425',
      'iopl=x64:172:3',
      'settimeofday=x64:164',
      'acct=x64:163',
      'quotactl=x64:179',
      'syslog=x64:103:3',
      'vm86=i386:166',
      'bpf-i386=i386:357',
      'kexec_load-i386=i386:283',
      'reboot-i386=i386:88',
      'init_module-i386=i386:128',
      'stime-i386=i386:25',
      'getpid-x32=x32:39',
      'execve-x32=x32:520',
      'ptrace-x32=x32:521',
    ];
    const allowed: readonly string[] = [
      'getpid=x64:39',
      'gettid=x64:186',
      'unshare=x64:272:0x10000000',
    ];

    async function answers(
      container: ContainerHandle,
      calls: readonly string[],
    ): Promise<Record<string, string>> {
      const text = await output(container, ['/hostile/calls', ...calls]);
      return Object.fromEntries(
        text
          .trim()
          .split('\n')
          .map((line) => line.split(' ') as [string, string]),
      );
    }

    test('that reach the kernel or the host are refused, in every ABI', async () => {
      const found = await answers(plain, denied);
      expect(Object.keys(found)).toHaveLength(denied.length);
      for (const [name, answer] of Object.entries(found)) {
        expect([name, answer]).toEqual([name, expect.stringMatching(/^(EPERM|ENOSYS|SIGSYS)$/)]);
      }
      expect(found['bpf']).toBe('EPERM');
      expect(found['perf_event_open']).toBe('EPERM');
      expect(found['kexec_load']).toBe('EPERM');
    });

    test('that the filter does not know are absent', async () => {
      expect(await answers(plain, ['unknown=x64:1999'])).toEqual({ unknown: 'ENOSYS' });
    });

    test('that programs need are there', async () => {
      expect(await answers(plain, allowed)).toEqual({ getpid: 'ok', gettid: 'ok', unshare: 'ok' });
    });

    test('are the filter’s, not the capabilities’', async () => {
      await using container = await own.start({ userns: 'host' });
      const found = await answers(container, [
        'unshare=x64:272:0x10000000',
        'mount=x64:165',
        'setns=x64:308',
      ]);
      expect(new Set(Object.values(found))).toEqual(new Set(['EPERM']));
      await using open = await own.start({ security: { seccomp: 'unconfined' } });
      expect((await answers(open, ['keyctl=x64:250:6']))['keyctl']).not.toBe('ENOSYS');
      expect((await answers(open, ['getpid-x32=x32:39', 'unknown=x64:1999']))['unknown']).toBe(
        'ENOSYS',
      );
    });
  });
});
