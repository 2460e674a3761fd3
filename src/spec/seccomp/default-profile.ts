/** Warren's own seccomp profile: nothing but what is listed. */
import { constants } from 'node:os';
import { capabilityBit } from '../capabilities.js';
import type { OciSeccomp, OciSyscallRule } from '../oci.js';
import { absentCalls, capabilityCalls, nestedSandboxCalls, plainCalls } from './default-calls.js';

export interface DefaultProfileRequest {
  /** An own user namespace: sandboxes inside work. With the host's they would gain its privileges. */
  readonly nested: boolean;
  /** Bounding set of the container. */
  readonly capabilities: bigint;
  readonly architecture: 'x64' | 'arm64';
}

const allow = 'SCMP_ACT_ALLOW';
const errno = 'SCMP_ACT_ERRNO';

/** CLONE_NEW*: NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET. */
const namespaceCloneFlags = 0x7e020000;

/** Execution domains that programs use: PER_LINUX, PER_LINUX32, each with UNAME26, and the query. */
const personalities: readonly number[] = [0x0, 0x8, 0x20000, 0x20008, 0xffffffff];

/** Socket families that reach the hypervisor, or code of the kernel that containers need least. */
const refusedFamilies: readonly number[] = [/* AF_ALG */ 38, /* AF_VSOCK */ 40];

const gates = capabilityCalls.reduce((mask, [name]) => mask | capabilityBit(name), 0n);
const cache = new Map<string, OciSeccomp>();

/** The profile for a container; equal requests give the same object. */
export function defaultSeccomp(request: DefaultProfileRequest): OciSeccomp {
  const key = `${request.nested ? 'nested' : 'strict'} ${request.architecture} ${request.capabilities & gates}`;
  const known = cache.get(key);
  if (known !== undefined) return known;
  const profile = build(request);
  cache.set(key, profile);
  return profile;
}

function build(request: DefaultProfileRequest): OciSeccomp {
  const names = allowedNames(request);
  return Object.freeze({
    defaultAction: errno,
    defaultErrnoRet: constants.errno.EPERM,
    architectures:
      request.architecture === 'x64'
        ? ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86']
        : ['SCMP_ARCH_AARCH64'],
    syscalls: [
      { names: [...names].sort(), action: allow },
      ...personalityRules(),
      ...socketRules(),
      ...(names.has('clone') ? [] : strictCloneRules()),
      { names: absentCalls, action: errno, errnoRet: constants.errno.ENOSYS },
    ],
  });
}

function allowedNames(request: DefaultProfileRequest): Set<string> {
  const names = new Set(plainCalls);
  if (request.nested) for (const name of nestedSandboxCalls) names.add(name);
  for (const [capability, calls] of capabilityCalls) {
    if ((request.capabilities & capabilityBit(capability)) === 0n) continue;
    for (const name of calls) names.add(name);
  }
  return names;
}

function personalityRules(): OciSyscallRule[] {
  return personalities.map((value) => ({
    names: ['personality'],
    action: allow,
    args: [{ index: 0, value, op: 'SCMP_CMP_EQ' }],
  }));
}

function socketRules(): OciSyscallRule[] {
  const refused = refusedFamilies.map((value) => ({
    names: ['socket'],
    action: errno,
    errnoRet: constants.errno.EAFNOSUPPORT,
    args: [{ index: 0, value, op: 'SCMP_CMP_EQ' }],
  }));
  return [...refused, { names: ['socket'], action: allow }];
}

/** No new namespaces. The flags of clone3 lie in memory, which a filter cannot read: absent, so that libc takes clone. */
function strictCloneRules(): OciSyscallRule[] {
  return [
    {
      names: ['clone'],
      action: allow,
      args: [{ index: 0, value: namespaceCloneFlags, valueTwo: 0, op: 'SCMP_CMP_MASKED_EQ' }],
    },
    { names: ['clone3'], action: errno, errnoRet: constants.errno.ENOSYS },
  ];
}
