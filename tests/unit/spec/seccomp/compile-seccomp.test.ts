import { constants } from 'node:os';
import { describe, expect, test } from 'vitest';
import { isWarrenError } from '../../../../src/base/errors.js';
import { capabilityBit, defaultCapabilities } from '../../../../src/spec/capabilities.js';
import type { OciSeccomp, OciSyscallArgument } from '../../../../src/spec/oci.js';
import { compileSeccomp } from '../../../../src/spec/seccomp/compile-seccomp.js';
import { defaultSeccomp } from '../../../../src/spec/seccomp/default-profile.js';
import {
  syscallTable,
  type SyscallArchitecture,
} from '../../../../src/spec/seccomp/syscall-table.js';
import { auditArchitecture, evaluate, type Verdict } from './interpreter.js';

const { EPERM, ENOSYS, EAFNOSUPPORT } = constants.errno;
const allow: Verdict = { action: 'allow', data: 0 };
const errno = (data: number): Verdict => ({ action: 'errno', data });

function numberOf(name: string, architecture: SyscallArchitecture): number {
  const number = syscallTable(architecture).numbers.get(name);
  if (number === undefined) throw new Error(`no call ${name} on ${architecture}`);
  return number;
}

/** Asks the compiled profile about calls by name. */
function judge(profile: OciSeccomp, machine: 'x64' | 'arm64' = 'x64') {
  const { program } = compileSeccomp(profile, machine);
  return (
    name: string | number,
    options: { args?: bigint[]; architecture?: SyscallArchitecture } = {},
  ): Verdict => {
    const architecture = options.architecture ?? (machine === 'x64' ? 'x86_64' : 'aarch64');
    const number = typeof name === 'number' ? name : numberOf(name, architecture);
    return evaluate(program, {
      architecture: auditArchitecture[architecture],
      number,
      args: options.args ?? [],
    });
  };
}

function nested(capabilities = defaultCapabilities): OciSeccomp {
  return defaultSeccomp({ nested: true, capabilities, architecture: 'x64' });
}

function strict(capabilities = defaultCapabilities): OciSeccomp {
  return defaultSeccomp({ nested: false, capabilities, architecture: 'x64' });
}

function profileOf(rule: { args: OciSyscallArgument[]; action?: string }): OciSeccomp {
  return {
    defaultAction: 'SCMP_ACT_ERRNO',
    architectures: ['SCMP_ARCH_X86_64'],
    syscalls: [{ names: ['read'], action: rule.action ?? 'SCMP_ACT_ALLOW', args: rule.args }],
  };
}

describe('system call tables', () => {
  test('have the numbers of the kernel', () => {
    expect(numberOf('read', 'x86_64')).toBe(0);
    expect(numberOf('execve', 'x86_64')).toBe(59);
    expect(numberOf('rseq', 'x86_64')).toBe(334);
    expect(numberOf('clone3', 'x86_64')).toBe(435);
    expect(numberOf('socketcall', 'i386')).toBe(102);
    expect(numberOf('clone3', 'i386')).toBe(435);
    expect(numberOf('io_setup', 'aarch64')).toBe(0);
    expect(numberOf('openat', 'aarch64')).toBe(56);
    expect(numberOf('clone', 'aarch64')).toBe(220);
    expect(numberOf('file_setattr', 'aarch64')).toBe(469);
  });

  test('of aarch64 lack what only 32-bit machines have', () => {
    expect(syscallTable('aarch64').numbers.has('clock_gettime64')).toBe(false);
    expect(syscallTable('aarch64').numbers.has('open')).toBe(false);
  });
});

describe('the default profile in an own user namespace', () => {
  const ask = judge(nested());

  test('allows what programs do', () => {
    for (const name of [
      'read',
      'execve',
      'openat',
      'mmap',
      'futex',
      'clone3',
      'statx',
      'file_setattr',
      'ptrace',
    ]) {
      expect(ask(name), name).toEqual(allow);
    }
  });

  test('allows what a nested sandbox needs', () => {
    for (const name of [
      'unshare',
      'setns',
      'mount',
      'umount2',
      'pivot_root',
      'fsopen',
      'fsmount',
      'move_mount',
      'open_tree',
      'mount_setattr',
      'chroot',
      'sethostname',
    ]) {
      expect(ask(name), name).toEqual(allow);
    }
    expect(ask('clone', { args: [0x10000000n] })).toEqual(allow);
  });

  test('refuses what reaches past the container', () => {
    for (const name of [
      'kexec_load',
      'init_module',
      'bpf',
      'perf_event_open',
      'swapon',
      'reboot',
      'iopl',
      'io_uring_setup',
      'userfaultfd',
      'open_by_handle_at',
      'settimeofday',
      'acct',
      'nfsservctl',
    ]) {
      expect(ask(name), name).toEqual(errno(EPERM));
    }
  });

  test('lets keyrings look absent', () => {
    for (const name of ['keyctl', 'add_key', 'request_key'])
      expect(ask(name), name).toEqual(errno(ENOSYS));
  });

  test('answers ENOSYS to calls that are newer than it and to numbers that nobody has', () => {
    expect(ask(470)).toEqual(errno(ENOSYS));
    expect(ask(100_000)).toEqual(errno(ENOSYS));
    expect(ask(400)).toEqual(errno(ENOSYS));
  });

  test('refuses every x32 call', () => {
    for (const number of [0, 1, 59, 547]) expect(ask(0x40000000 + number)).toEqual(errno(EPERM));
    expect(ask(0xffffffff)).toEqual(errno(EPERM));
  });

  test('filters i386 calls by their own numbers', () => {
    expect(ask('read', { architecture: 'i386' })).toEqual(allow);
    expect(ask('socketcall', { architecture: 'i386' })).toEqual(allow);
    expect(ask('clock_gettime64', { architecture: 'i386' })).toEqual(allow);
    expect(ask('kexec_load', { architecture: 'i386' })).toEqual(errno(EPERM));
    expect(ask('keyctl', { architecture: 'i386' })).toEqual(errno(ENOSYS));
    expect(ask(9999, { architecture: 'i386' })).toEqual(errno(ENOSYS));
  });

  test('ends a process of another architecture', () => {
    const { program } = compileSeccomp(nested(), 'x64');
    for (const architecture of [auditArchitecture.aarch64, auditArchitecture.arm, 0]) {
      expect(evaluate(program, { architecture, number: 0 }).action).toBe('kill-process');
    }
  });

  test('allows the usual execution domains only', () => {
    for (const value of [0n, 8n, 0x20000n, 0x20008n, 0xffffffffn]) {
      expect(ask('personality', { args: [value] })).toEqual(allow);
    }
    expect(ask('personality', { args: [0x0040000n] })).toEqual(errno(EPERM));
    expect(ask('personality', { args: [0x1_0000_0000n] })).toEqual(errno(EPERM));
  });

  test('refuses the socket families of the hypervisor and of kernel crypto', () => {
    expect(ask('socket', { args: [1n] })).toEqual(allow);
    expect(ask('socket', { args: [16n] })).toEqual(allow);
    expect(ask('socket', { args: [38n] })).toEqual(errno(EAFNOSUPPORT));
    expect(ask('socket', { args: [40n] })).toEqual(errno(EAFNOSUPPORT));
  });

  test('agrees with its list on every call of every architecture', () => {
    for (const machine of ['x64', 'arm64'] as const) {
      const profile = defaultSeccomp({
        nested: true,
        capabilities: defaultCapabilities,
        architecture: machine,
      });
      const allowed = new Set(profile.syscalls[0]?.names);
      const special = new Set(profile.syscalls.slice(1).flatMap((rule) => rule.names));
      const asks = judge(profile, machine);
      for (const architecture of machine === 'x64'
        ? (['x86_64', 'i386'] as const)
        : (['aarch64'] as const)) {
        for (const name of syscallTable(architecture).numbers.keys()) {
          if (special.has(name)) continue;
          const expected = allowed.has(name) ? 'allow' : 'errno';
          expect(asks(name, { architecture }).action, `${architecture} ${name}`).toBe(expected);
        }
      }
    }
  });
});

describe("the default profile with the host's user namespace", () => {
  const ask = judge(strict());

  test('refuses new namespaces and mounts', () => {
    for (const name of [
      'unshare',
      'setns',
      'mount',
      'umount2',
      'pivot_root',
      'fsopen',
      'move_mount',
    ]) {
      expect(ask(name), name).toEqual(errno(EPERM));
    }
  });

  test('allows clone without namespace flags and makes clone3 look absent', () => {
    expect(ask('clone', { args: [0x1200011n] })).toEqual(allow);
    for (const flag of [
      0x00020000n,
      0x02000000n,
      0x04000000n,
      0x08000000n,
      0x10000000n,
      0x20000000n,
      0x40000000n,
    ]) {
      expect(ask('clone', { args: [flag | 17n] }), flag.toString(16)).toEqual(errno(EPERM));
    }
    expect(ask('clone3')).toEqual(errno(ENOSYS));
  });

  test('allows them again with CAP_SYS_ADMIN', () => {
    const admin = judge(strict(defaultCapabilities | capabilityBit('SYS_ADMIN')));
    for (const name of ['unshare', 'mount', 'clone3', 'bpf', 'setns'])
      expect(admin(name), name).toEqual(allow);
    expect(admin('clone', { args: [0x10000000n] })).toEqual(allow);
  });

  test('opens calls by their capability', () => {
    const cases = [
      ['SYS_TIME', 'clock_settime'],
      ['SYS_MODULE', 'init_module'],
      ['DAC_READ_SEARCH', 'open_by_handle_at'],
      ['SYS_BOOT', 'reboot'],
      ['PERFMON', 'perf_event_open'],
    ] as const;
    for (const [capability, name] of cases) {
      expect(ask(name), name).toEqual(errno(EPERM));
      expect(judge(strict(defaultCapabilities | capabilityBit(capability)))(name), name).toEqual(
        allow,
      );
    }
  });
});

describe('argument conditions', () => {
  const big = 0x1_2345_6789n;
  const cases: readonly [string, bigint, bigint, readonly bigint[], readonly bigint[]][] = [
    ['SCMP_CMP_EQ', big, 0n, [big], [big + 1n, big & 0xffff_ffffn, 0n]],
    ['SCMP_CMP_NE', big, 0n, [big + 1n, 0n, big & 0xffff_ffffn], [big]],
    [
      'SCMP_CMP_GT',
      big,
      0n,
      [big + 1n, 0x2_0000_0000n, (1n << 64n) - 1n],
      [big, big - 1n, 0x0_ffff_ffffn],
    ],
    ['SCMP_CMP_GE', big, 0n, [big, big + 1n, 0x2_0000_0000n], [big - 1n, 0xffff_ffffn, 0n]],
    ['SCMP_CMP_LT', big, 0n, [big - 1n, 0xffff_ffffn, 0n], [big, big + 1n, 0x2_0000_0000n]],
    ['SCMP_CMP_LE', big, 0n, [big, big - 1n, 0xffff_ffffn], [big + 1n, 0x2_0000_0000n]],
    [
      'SCMP_CMP_MASKED_EQ',
      0xf_0000_00f0n,
      0x3_0000_0010n,
      [0x3_0000_0010n, 0x3_ffff_ff1fn],
      [0x3_0000_0020n, 0x2_0000_0010n, 0n],
    ],
    ['SCMP_CMP_MASKED_EQ', 0xffn, 0x1n, [0x1n, 0xffff_ff01n, 0x1_0000_0001n], [0x2n]],
  ];

  test.each(cases)('%s with %d and %d', (...[op, value, valueTwo, met, unmet]) => {
    const args = [{ index: 2, value: value.toString(), valueTwo: valueTwo.toString(), op }];
    const ask = judge(profileOf({ args }));
    for (const argument of met)
      expect(ask('read', { args: [0n, 0n, argument] }), `${argument}`).toEqual(allow);
    for (const argument of unmet)
      expect(ask('read', { args: [0n, 0n, argument] }), `${argument}`).toEqual(errno(EPERM));
  });

  test('of one rule must all hold', () => {
    const ask = judge(
      profileOf({
        args: [
          { index: 0, value: 1, op: 'SCMP_CMP_EQ' },
          { index: 1, value: 2, op: 'SCMP_CMP_GE' },
        ],
      }),
    );
    expect(ask('read', { args: [1n, 3n] })).toEqual(allow);
    expect(ask('read', { args: [1n, 1n] })).toEqual(errno(EPERM));
    expect(ask('read', { args: [2n, 3n] })).toEqual(errno(EPERM));
  });

  test('that name one argument twice are alternatives', () => {
    const ask = judge(
      profileOf({
        args: [
          { index: 0, value: 1, op: 'SCMP_CMP_EQ' },
          { index: 0, value: 5, op: 'SCMP_CMP_EQ' },
        ],
      }),
    );
    expect(ask('read', { args: [1n] })).toEqual(allow);
    expect(ask('read', { args: [5n] })).toEqual(allow);
    expect(ask('read', { args: [2n] })).toEqual(errno(EPERM));
  });

  test('of several rules are tried in their order, before the rule without', () => {
    const ask = judge({
      defaultAction: 'SCMP_ACT_KILL_PROCESS',
      architectures: ['SCMP_ARCH_X86_64'],
      syscalls: [
        { names: ['read'], action: 'SCMP_ACT_ALLOW' },
        {
          names: ['read'],
          action: 'SCMP_ACT_ERRNO',
          errnoRet: 7,
          args: [{ index: 0, value: 3, op: 'SCMP_CMP_EQ' }],
        },
        { names: ['write'], action: 'SCMP_ACT_LOG' },
      ],
    });
    expect(ask('read', { args: [3n] })).toEqual(errno(7));
    expect(ask('read', { args: [4n] })).toEqual(allow);
    expect(ask('write').action).toBe('log');
    expect(ask('open').action).toBe('kill-process');
    expect(ask(99999).action).toBe('kill-process');
  });

  test('that no kernel could check are refused', () => {
    for (const args of [
      [{ index: 6, value: 0, op: 'SCMP_CMP_EQ' }],
      [{ index: 0, value: 0, op: 'LIKE' }],
      [{ index: 0, value: 0.5, op: 'SCMP_CMP_EQ' }],
    ]) {
      expect(() => compileSeccomp(profileOf({ args }), 'x64')).toThrow(
        /Cannot use seccomp profile/,
      );
    }
  });
});

describe('compileSeccomp', () => {
  test('compiles a profile once', () => {
    expect(compileSeccomp(nested(), 'x64')).toBe(compileSeccomp(nested(), 'x64'));
    const copy = structuredClone(nested());
    expect(compileSeccomp(copy, 'x64').program).toBe(compileSeccomp(nested(), 'x64').program);
  });

  test('stays far below the limit of the kernel', () => {
    expect(compileSeccomp(nested(), 'x64').program.length / 8).toBeLessThan(700);
  });

  test('kills i386 programs when the profile names only x86-64', () => {
    const ask = judge(profileOf({ args: [] }));
    expect(ask('read', { architecture: 'i386' }).action).toBe('kill-process');
    expect(ask('read')).toEqual(allow);
  });

  test('refuses unknown actions, flags and listeners', () => {
    const base = profileOf({ args: [] });
    const bad = [
      { ...base, defaultAction: 'SCMP_ACT_SHRUG' },
      { ...base, flags: ['NOPE'] },
      { ...base, defaultAction: 'SCMP_ACT_NOTIFY' },
    ];
    for (const profile of bad) {
      try {
        compileSeccomp(profile, 'x64');
        expect.unreachable();
      } catch (error) {
        expect(isWarrenError(error)).toBe(true);
      }
    }
  });
});
