import { constants } from 'node:os';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ContainerConfig, Mount } from '../../../src/model/container-config.js';
import { describeAsRoot } from '../../privileges.js';
import { Rig, type Output } from '../host/rig.js';

const { EPERM, ENOSYS, EAFNOSUPPORT } = constants.errno;

/** The host's programs, for what needs more than busybox. */
const hostPrograms: Mount[] = ['/usr', '/lib', '/lib64', '/etc'].map((path) => ({
  type: 'bind',
  source: path,
  target: path,
  readOnly: true,
}));

/** Calls by number, natively and, with `int 0x80`, as an i386 program; prints 0 or the errno of each. */
const caller = `
import ctypes, mmap, struct, sys
libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long
for word in sys.argv[1:]:
    kind, number, *args = word.split(',')
    args = [int(a, 0) for a in args]
    if kind == 'native':
        ctypes.set_errno(0)
        result = libc.syscall(ctypes.c_long(int(number, 0)), *[ctypes.c_long(a) for a in args])
        print(ctypes.get_errno() if result == -1 else 0)
        continue
    code = b'\\x53\\xb8' + struct.pack('<I', int(number, 0)) + b'\\x31\\xdb\\x31\\xc9\\x31\\xd2\\xcd\\x80\\x5b\\xc3'
    page = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    page.write(code)
    run = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(page)))
    result = run()
    print(-result if -4096 < result < 0 else 0)
`;

describeAsRoot('a container that was compiled by spec/', () => {
  let rig: Rig;

  beforeAll(() => {
    rig = new Rig();
  });

  afterAll(async () => {
    await rig.close();
  });

  async function withHostPrograms(
    command: readonly string[],
    config: Partial<ContainerConfig> = {},
  ): Promise<Output> {
    return await rig.run({
      ...config,
      command,
      mounts: hostPrograms,
      env: { PATH: '/usr/sbin:/usr/bin:/bin' },
    });
  }

  async function calls(
    words: readonly string[],
    config: Partial<ContainerConfig> = {},
  ): Promise<number[]> {
    const { stdout, stderr } = await withHostPrograms(['python3', '-c', caller, ...words], config);
    expect(stderr).toBe('');
    return stdout.trim().split('\n').map(Number);
  }

  test('has a filter that the kernel takes and obeys', async () => {
    if (process.arch !== 'x64') return;
    const words = [
      'native,39', // getpid
      'native,250,0,0', // keyctl
      'native,246,0,0,0,0', // kexec_load
      'native,321,0,0,0', // bpf
      'native,425,1,0', // io_uring_setup
      'native,600', // of a later kernel
      'native,0x40000027', // getpid as x32
      'native,41,40,1,0', // socket(AF_VSOCK)
      'native,41,38,5,0', // socket(AF_ALG)
      'native,135,0x40000', // personality(ADDR_NO_RANDOMIZE)
      'native,135,0xffffffff',
      'i386,20', // getpid
      'i386,288', // keyctl
      'i386,283', // kexec_load
      'i386,1000',
    ];
    expect(await calls(words)).toEqual([
      0,
      ENOSYS,
      EPERM,
      EPERM,
      EPERM,
      ENOSYS,
      EPERM,
      EAFNOSUPPORT,
      EAFNOSUPPORT,
      EPERM,
      0,
      0,
      ENOSYS,
      EPERM,
      ENOSYS,
    ]);
  });

  test('may make namespaces in a user namespace of its own only', async () => {
    const unshareUser = 'native,272,0x10000000';
    expect(await calls([unshareUser])).toEqual([0]);
    expect(await calls([unshareUser, 'native,435,0,0'], { userns: 'host' })).toEqual([
      EPERM,
      ENOSYS,
    ]);
    expect(await calls(['native,135,0x40000'], { security: { seccomp: 'unconfined' } })).toEqual([
      0,
    ]);
  });

  test('can run sandboxes inside', async () => {
    const { stdout, stderr, exit } = await withHostPrograms([
      'bwrap',
      '--ro-bind',
      '/',
      '/',
      '--proc',
      '/proc',
      '--dev',
      '/dev',
      '--tmpfs',
      '/tmp',
      '--unshare-all',
      '--',
      'sh',
      '-c',
      'echo $$; id -u',
    ]);
    expect(stderr).toBe('');
    expect(exit.code).toBe(0);
    expect(stdout).toMatch(/^\d+\n0\n$/);
  });

  test('cannot write what is read-only, even with CAP_SYS_ADMIN', async () => {
    const script = `
      for path in /dev /sys /usr /proc/sys; do
        mount -o remount,rw,bind $path && echo remounted $path
        touch $path/new && echo wrote $path
      done
      umount /proc/sys && echo unmasked; umount -l /usr && echo uncovered
      echo 1 > /proc/sys/kernel/printk && echo sysctl
      mknod /tmp/disk b 254 0 && echo made; true`;
    const { stdout, exit } = await rig.run({
      command: ['sh', '-c', script],
      capAdd: ['SYS_ADMIN'],
      mounts: [{ type: 'bind', source: '/usr', target: '/usr', readOnly: true }],
    });
    expect(exit.code).toBe(0);
    expect(stdout).not.toMatch(/wrote|sysctl|made/);
  });

  test("has no-new-privileges with the host's user namespace, and a read-only root when asked", async () => {
    const { stdout } = await rig.run({
      command: ['sh', '-c', 'grep NoNewPrivs /proc/self/status; touch /new || echo refused'],
      userns: 'host',
      readOnly: true,
    });
    expect(stdout).toBe('NoNewPrivs:\t1\nrefused\n');
  });

  test('has every capability and no filter when it is privileged', async () => {
    const { stdout } = await rig.run({
      command: ['sh', '-c', 'grep -E "CapEff|Seccomp:" /proc/self/status'],
      privileged: true,
    });
    expect(stdout).toMatch(/^CapEff:\t000001ffffffffff\nSeccomp:\t0\n$/);
  });

  test('has the limits, sysctls, names and devices it asks for', async () => {
    const { stdout } = await rig.run({
      command: [
        'sh',
        '-c',
        'ulimit -n; cat /proc/sys/net/core/somaxconn /proc/sys/net/ipv4/ip_unprivileged_port_start; hostname; cat /proc/sys/kernel/domainname; ls /dev/pts /dev/shm; cat /proc/self/oom_score_adj',
      ],
      ulimits: [{ name: 'nofile', soft: 100, hard: 200 }],
      sysctls: { 'net.core.somaxconn': '77' },
      hostname: 'db',
      domainname: 'example.org',
      oomScoreAdj: 500,
      shmSizeBytes: 0,
      pty: false,
    });
    expect(stdout).toBe('100\n77\n0\ndb\nexample.org\n/dev/pts:\n\n/dev/shm:\n500\n');
  });

  test('runs under warren-init when asked', async () => {
    const { stdout, exit } = await rig.run({
      command: ['sh', '-c', 'echo $$; cat /proc/1/comm; exit 9'],
      init: true,
    });
    expect(stdout).toMatch(/^[2-9]\n(warren-init|3|memfd:\S*|\d+)\n$/);
    expect(exit.code).toBe(9);
  });

  test('joins the namespaces of another', async () => {
    const other = rig.input({ command: ['sleep', '1000'], hostname: 'other' });
    await rig.launch(other);
    const id = other.record.id;
    const { stdout, exit } = await rig.run({
      command: ['sh', '-c', 'ps -o pid,args | grep -c "sleep 1000"; cat /proc/self/uid_map'],
      pid: `container:${id}`,
      network: `container:${id}`,
      ipc: `container:${id}`,
    });
    expect(exit.code).toBe(0);
    expect(Number(stdout.split('\n')[0])).toBeGreaterThan(0);
    expect(stdout).toMatch(/0\s+1000000\s+65536/);
    await (await rig.keeper()).containers.stop(id, 9, 1000);
    await expect(rig.run({ command: ['true'], network: `container:${id}` })).rejects.toMatchObject({
      kind: 'conflict',
      code: 'NOT_RUNNING',
    });
  });
});
