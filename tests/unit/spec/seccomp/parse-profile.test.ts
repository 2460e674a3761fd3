import { describe, expect, test } from 'vitest';
import { capabilityBit, defaultCapabilities } from '../../../../src/spec/capabilities.js';
import {
  parseSeccompProfile,
  type ProfileContext,
} from '../../../../src/spec/seccomp/parse-profile.js';

const context: ProfileContext = {
  capabilities: defaultCapabilities,
  architecture: 'x64',
  kernelVersion: 612,
};

const docker = JSON.stringify({
  defaultAction: 'SCMP_ACT_ERRNO',
  defaultErrnoRet: 1,
  archMap: [
    { architecture: 'SCMP_ARCH_X86_64', subArchitectures: ['SCMP_ARCH_X86', 'SCMP_ARCH_X32'] },
    { architecture: 'SCMP_ARCH_AARCH64', subArchitectures: ['SCMP_ARCH_ARM'] },
  ],
  syscalls: [
    { names: ['read', 'write'], action: 'SCMP_ACT_ALLOW', args: null },
    { names: ['mount'], action: 'SCMP_ACT_ALLOW', includes: { caps: ['CAP_SYS_ADMIN'] } },
    {
      names: ['clone3'],
      action: 'SCMP_ACT_ERRNO',
      errnoRet: 38,
      excludes: { caps: ['CAP_SYS_ADMIN'] },
    },
    { names: ['ptrace'], action: 'SCMP_ACT_ALLOW', includes: { minKernel: '4.8' } },
    { names: ['futuristic'], action: 'SCMP_ACT_ALLOW', includes: { minKernel: '7.1' } },
    { names: ['arch_prctl'], action: 'SCMP_ACT_ALLOW', includes: { arches: ['amd64', 'x32'] } },
  ],
});

function names(text: string, changes: Partial<ProfileContext> = {}): string[] {
  return parseSeccompProfile(text, { ...context, ...changes }).syscalls.flatMap(
    (rule) => rule.names,
  );
}

describe('parseSeccompProfile', () => {
  test("resolves Docker's conditions for the container", () => {
    expect(names(docker)).toEqual(['read', 'write', 'clone3', 'ptrace', 'arch_prctl']);
    const admin = names(docker, { capabilities: capabilityBit('SYS_ADMIN') });
    expect(admin).toContain('mount');
    expect(admin).not.toContain('clone3');
    expect(names(docker, { architecture: 'arm64' })).not.toContain('arch_prctl');
    expect(names(docker, { kernelVersion: 701 })).toContain('futuristic');
  });

  test('takes the architectures of the map that fit the machine', () => {
    expect(parseSeccompProfile(docker, context).architectures).toEqual([
      'SCMP_ARCH_X86_64',
      'SCMP_ARCH_X86',
      'SCMP_ARCH_X32',
    ]);
  });

  test('reads the OCI form', () => {
    const profile = parseSeccompProfile(
      '{"defaultAction":"SCMP_ACT_ALLOW","architectures":["SCMP_ARCH_X86_64"],"flags":["SECCOMP_FILTER_FLAG_LOG"]}',
      context,
    );
    expect(profile).toEqual({
      defaultAction: 'SCMP_ACT_ALLOW',
      architectures: ['SCMP_ARCH_X86_64'],
      flags: ['SECCOMP_FILTER_FLAG_LOG'],
      syscalls: [],
    });
  });

  test('keeps 64-bit values that a number would round', () => {
    const text =
      '{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["read"],"action":"SCMP_ACT_ERRNO","args":[{"index":0,"value":18446744073709551615,"op":"SCMP_CMP_EQ"}]}]}';
    expect(parseSeccompProfile(text, context).syscalls[0]?.args?.[0]?.value).toBe(
      '18446744073709551615',
    );
  });

  test.each([
    ['text', 'not json'],
    ['a list', '[]'],
    ['an action that is missing', '{}'],
    [
      'names that are no list',
      '{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":"read","action":"SCMP_ACT_ALLOW"}]}',
    ],
    [
      'a version that is none',
      '{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["read"],"action":"SCMP_ACT_ALLOW","includes":{"minKernel":"new"}}]}',
    ],
  ])('refuses %s', (_, text) => {
    expect(() => parseSeccompProfile(text, context)).toThrow(/^Cannot use seccomp profile: /);
  });
});
