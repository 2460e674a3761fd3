/** OCI seccomp profile → BPF program, as a balanced tree over the system call numbers. */
import { createHash } from 'node:crypto';
import { WarrenError } from '../../base/errors.js';
import type { OciSeccomp, OciSyscallRule } from '../oci.js';
import { actionCode, enosys, isErrno, killProcess } from './actions.js';
import { alternatives, ruleCode } from './arguments.js';
import { assemble, branch, loadArchitecture, loadNumber, returns, type Block } from './bpf.js';
import { syscallTable, type SyscallArchitecture } from './syscall-table.js';

/** What the SECCOMP operation carries. */
export interface SeccompProgram {
  readonly flags: number;
  /** struct sock_filter[] */
  readonly program: Buffer;
}

/** Consecutive numbers with one verdict. */
interface Segment {
  readonly start: number;
  readonly block: Block;
}

const auditArchitectures: Readonly<Record<SyscallArchitecture, number>> = {
  x86_64: 0xc000003e,
  i386: 0x40000003,
  aarch64: 0xc00000b7,
};

const profileArchitectures: Readonly<Record<string, SyscallArchitecture>> = {
  SCMP_ARCH_X86_64: 'x86_64',
  SCMP_ARCH_X86: 'i386',
  SCMP_ARCH_AARCH64: 'aarch64',
};

const native: Readonly<Record<'x64' | 'arm64', SyscallArchitecture>> = {
  x64: 'x86_64',
  arm64: 'aarch64',
};

/** Bit of the number of an x32 call. */
const x32Bit = 0x40000000;
const instructionLimit = 4096;

/** Thread synchronisation is meant for programs with threads; a launch has one. */
const filterFlags: Readonly<Record<string, number>> = {
  SECCOMP_FILTER_FLAG_TSYNC: 0,
  SECCOMP_FILTER_FLAG_LOG: 2,
  SECCOMP_FILTER_FLAG_SPEC_ALLOW: 4,
};

const byProfile = new WeakMap<OciSeccomp, Map<string, SeccompProgram>>();
const byDigest = new Map<string, SeccompProgram>();
const digestsKept = 64;

/** Compiles for the machine's architecture; profiles that were seen before cost a look-up. Throws `invalidArgument`. */
export function compileSeccomp(profile: OciSeccomp, architecture: 'x64' | 'arm64'): SeccompProgram {
  const seen = byProfile.get(profile) ?? new Map<string, SeccompProgram>();
  const known = seen.get(architecture);
  if (known !== undefined) return known;
  const digest = createHash('sha256')
    .update(JSON.stringify([architecture, profile]))
    .digest('hex');
  const compiled = byDigest.get(digest) ?? compile(profile, architecture);
  if (byDigest.size >= digestsKept) byDigest.clear();
  byDigest.set(digest, compiled);
  seen.set(architecture, compiled);
  byProfile.set(profile, seen);
  return compiled;
}

function compile(profile: OciSeccomp, architecture: 'x64' | 'arm64'): SeccompProgram {
  const block = [
    loadArchitecture,
    ...architectureTree(profile, architectures(profile, architecture)),
  ];
  if (block.length > instructionLimit) {
    throw new WarrenError(
      'invalidArgument',
      'SECCOMP_PROFILE',
      `Cannot use seccomp profile: it needs ${block.length} instructions and the kernel takes ${instructionLimit}`,
    );
  }
  return { flags: flagsOf(profile), program: assemble(block) };
}

/** The native one always; i386 on x86-64 when the profile names it. A call of any other ends the process. */
function architectures(profile: OciSeccomp, architecture: 'x64' | 'arm64'): SyscallArchitecture[] {
  const main = native[architecture];
  const named = profile.architectures.map((name) => profileArchitectures[name]);
  return main === 'x86_64' && named.includes('i386') ? [main, 'i386'] : [main];
}

function architectureTree(profile: OciSeccomp, list: readonly SyscallArchitecture[]): Block {
  const [first, ...rest] = list;
  if (first === undefined) return returns(killProcess);
  return branch('equal', auditArchitectures[first], {
    then: [loadNumber, ...numberCode(profile, first)],
    otherwise: architectureTree(profile, rest),
  });
}

function numberCode(profile: OciSeccomp, architecture: SyscallArchitecture): Block {
  const tree = searchTree(segments(profile, architecture));
  if (architecture !== 'x86_64') return tree;
  const x32 = returns(actionCode('SCMP_ACT_ERRNO', undefined));
  return branch('greaterEqual', x32Bit, { then: x32, otherwise: tree });
}

function searchTree(list: readonly Segment[]): Block {
  const middle = list.length >> 1;
  const pivot = list[middle];
  if (pivot === undefined || middle === 0) return list[0]?.block ?? returns(killProcess);
  return branch('greaterEqual', pivot.start, {
    then: searchTree(list.slice(middle)),
    otherwise: searchTree(list.slice(0, middle)),
  });
}

/**
 * Calls that are newer than the profile get ENOSYS when its default is an errno, so that programs fall back; as do unassigned
 * numbers. Known calls that it does not name get its default.
 */
function segments(profile: OciSeccomp, architecture: SyscallArchitecture): Segment[] {
  const table = syscallTable(architecture);
  const fallback = actionCode(profile.defaultAction, profile.defaultErrnoRet);
  const unknown = returns(isErrno(fallback) ? enosys : fallback);
  const other = returns(fallback);
  const rules = rulesByNumber(profile, table.numbers);
  const greatest = Math.max(-1, ...rules.keys());
  const list: Segment[] = [];
  for (let number = 0; number <= greatest; number++) {
    const found = rules.get(number);
    const block =
      found !== undefined ? callCode(found, other) : table.assigned.has(number) ? other : unknown;
    append(list, { start: number, block });
  }
  append(list, { start: greatest + 1, block: unknown });
  return list;
}

function append(list: Segment[], segment: Segment): void {
  const last = list.at(-1);
  const same =
    last !== undefined &&
    last.block.length === 1 &&
    segment.block.length === 1 &&
    last.block[0]?.k === segment.block[0]?.k;
  if (!same) list.push(segment);
}

function rulesByNumber(
  profile: OciSeccomp,
  numbers: ReadonlyMap<string, number>,
): Map<number, OciSyscallRule[]> {
  const rules = new Map<number, OciSyscallRule[]>();
  for (const rule of profile.syscalls) {
    for (const name of rule.names) {
      const number = numbers.get(name);
      if (number === undefined) continue;
      const list = rules.get(number);
      if (list === undefined) rules.set(number, [rule]);
      else list.push(rule);
    }
  }
  return rules;
}

/** Rules with conditions in their order, then the first without, then the profile's default. */
function callCode(rules: readonly OciSyscallRule[], other: Block): Block {
  const verdict = (rule: OciSyscallRule): Block => returns(actionCode(rule.action, rule.errnoRet));
  const plain = rules.find((rule) => (rule.args ?? []).length === 0);
  const conditional = rules
    .filter((rule) => (rule.args ?? []).length > 0)
    .flatMap((rule) =>
      alternatives(rule.args ?? []).flatMap((conditions) => ruleCode(conditions, verdict(rule))),
    );
  return [...conditional, ...(plain === undefined ? other : verdict(plain))];
}

function flagsOf(profile: OciSeccomp): number {
  let flags = 0;
  for (const name of profile.flags ?? []) {
    const flag = filterFlags[name];
    if (flag === undefined) {
      throw new WarrenError(
        'unsupported',
        'SECCOMP_FLAG',
        `Cannot use seccomp profile: flag ${name} is not supported`,
      );
    }
    flags |= flag;
  }
  return flags;
}
