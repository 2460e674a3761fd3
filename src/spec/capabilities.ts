/** Capability sets as masks: bit n is capability n. */
import { WarrenError } from '../base/errors.js';
import { capabilities as capabilityNames } from '../model/capabilities.js';

/** A name without `CAP_`. */
export type CapabilityName = string;

/** Docker's default set. */
const defaultNames: readonly CapabilityName[] = [
  'CHOWN',
  'DAC_OVERRIDE',
  'FSETID',
  'FOWNER',
  'MKNOD',
  'NET_RAW',
  'SETGID',
  'SETUID',
  'SETFCAP',
  'SETPCAP',
  'NET_BIND_SERVICE',
  'SYS_CHROOT',
  'KILL',
  'AUDIT_WRITE',
];

const bitOf = new Map<string, bigint>(
  capabilityNames.map((name, number) => [name, 1n << BigInt(number)]),
);

/** The mask of one capability. */
export function capabilityBit(name: CapabilityName): bigint {
  return bitOf.get(name) ?? 0n;
}

export const defaultCapabilities: bigint = defaultNames.reduce(
  (mask, name) => mask | capabilityBit(name),
  0n,
);

/** Every capability that the kernel knows, `last` being the greatest number. */
export function allCapabilities(last: number): bigint {
  return (1n << BigInt(last + 1)) - 1n;
}

export interface CapabilityRequest {
  readonly add: readonly string[];
  readonly drop: readonly string[];
  readonly privileged: boolean;
  /** Of the kernel: /proc/sys/kernel/cap_last_cap. */
  readonly last: number;
}

/**
 * The bounding set of a container: Docker's default set, changed by `--cap-drop` and `--cap-add`. As in Docker, `ALL` in one list
 * is the starting point and the names of the other list change it; a name in both lists is added.
 * Throws `invalidArgument` for unknown names and `unsupported` for those this kernel lacks.
 */
export function capabilitySet(request: CapabilityRequest): bigint {
  const all = allCapabilities(request.last);
  if (request.privileged) return all;
  const add = request.add.map(normalized);
  const drop = request.drop.map(normalized);
  let mask = defaultCapabilities & all;
  if (drop.includes('ALL')) mask = 0n;
  if (add.includes('ALL')) mask = all;
  for (const name of drop) mask &= ~maskOf(name, 'drop', 0n);
  for (const name of add) {
    const bits = maskOf(name, 'add', 0n);
    if ((bits & ~all) !== 0n) throw missing(name);
    mask |= bits;
  }
  return mask;
}

/** Names with `CAP_`, by number. Bits without a name are left out. */
export function namesOfCapabilities(mask: bigint): string[] {
  return capabilityNames
    .filter((name) => (mask & capabilityBit(name)) !== 0n)
    .map((name) => `CAP_${name}`);
}

/** The mask of names with or without `CAP_`. Throws `invalidArgument` for unknown ones. */
export function capabilityMask(names: readonly string[]): bigint {
  let mask = 0n;
  for (const name of names) mask |= bitOf.get(withoutPrefix(name)) ?? unknown(name, 'use');
  return mask;
}

function withoutPrefix(name: string): string {
  return name.startsWith('CAP_') ? name.slice(4) : name;
}

function normalized(name: string): string {
  return withoutPrefix(name.trim().toUpperCase());
}

function maskOf(name: string, verb: string, all: bigint): bigint {
  if (name === 'ALL') return all;
  return bitOf.get(name) ?? unknown(name, verb);
}

function unknown(name: string, verb: string): never {
  throw new WarrenError(
    'invalidArgument',
    'UNKNOWN_CAPABILITY',
    `Cannot ${verb} capability ${name}: there is none of that name`,
    {
      hint: 'See capabilities(7) for the names.',
      details: { capability: name },
    },
  );
}

function missing(name: string): WarrenError {
  return new WarrenError(
    'unsupported',
    'CAPABILITY_MISSING',
    `Cannot add capability ${name}: this kernel does not know it`,
    {
      details: { capability: name },
    },
  );
}
