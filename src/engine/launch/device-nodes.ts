import { statSync, type Stats } from 'node:fs';
import { errnoOf, WarrenError } from '../../base/errors.js';
import type { ContainerSpec } from '../../model/container-config.js';
import type { DeviceRule } from '../../model/resources.js';
import type { DeviceNode } from '../../spec/contract.js';

const minorBits = 8;
const anyNumber = -1;

/** glibc's gnu_dev_major and gnu_dev_minor. */
function majorOf(device: number): number {
  return Number((BigInt(device) >> BigInt(minorBits)) & 0xfffn);
}

function minorOf(device: number): number {
  return Number((BigInt(device) & 0xffn) | ((BigInt(device) >> 12n) & 0xfff00n));
}

function statDevice(path: string): Stats {
  let stats: Stats;
  try {
    stats = statSync(path);
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
    throw new WarrenError(
      'invalidArgument',
      'NO_SUCH_DEVICE',
      `Cannot use device ${path}: no such file`,
    );
  }
  if (stats.isCharacterDevice() || stats.isBlockDevice()) return stats;
  throw new WarrenError(
    'invalidArgument',
    'NOT_A_DEVICE',
    `Cannot use device ${path}: not a device node`,
  );
}

/**
 * The nodes of `--device` as they are on the host now.
 * @throws WarrenError invalidArgument (NO_SUCH_DEVICE, NOT_A_DEVICE)
 */
export function deviceNodes(spec: Pick<ContainerSpec, 'devices'>): readonly DeviceNode[] {
  return spec.devices.map(({ hostPath, containerPath }) => {
    const stats = statDevice(hostPath);
    return {
      path: containerPath,
      kind: stats.isBlockDevice() ? 'b' : 'c',
      major: majorOf(stats.rdev),
      minor: minorOf(stats.rdev),
      mode: stats.mode & 0o777,
    };
  });
}

/**
 * `major:minor` of a device given by path or by number.
 * @throws WarrenError invalidArgument (NO_SUCH_DEVICE, NOT_A_DEVICE)
 */
export function deviceNumber(device: string): string {
  if (/^\d+:\d+$/.test(device)) return device;
  const { rdev } = statDevice(device);
  return `${majorOf(rdev)}:${minorOf(rdev)}`;
}

function rule(
  type: 'b' | 'c',
  numbers: readonly [number, number],
  permissions: string,
): DeviceRule {
  return { allow: true, type, major: numbers[0], minor: numbers[1], permissions };
}

/** What every container may use: mknod of anything, and the standard nodes of /dev (mem(4), pts(4)). */
const standardRules: readonly DeviceRule[] = [
  rule('c', [anyNumber, anyNumber], 'm'),
  rule('b', [anyNumber, anyNumber], 'm'),
  rule('c', [1, 3], 'rwm'),
  rule('c', [1, 5], 'rwm'),
  rule('c', [1, 7], 'rwm'),
  rule('c', [1, 8], 'rwm'),
  rule('c', [1, 9], 'rwm'),
  rule('c', [5, 0], 'rwm'),
  rule('c', [5, 1], 'rwm'),
  rule('c', [5, 2], 'rwm'),
  rule('c', [136, anyNumber], 'rwm'),
];

/**
 * Rules of the device filter; null when none is needed: in an own user namespace no node can be made, and those that are
 * there may be used; a privileged container may use all.
 */
export function deviceRules(
  spec: Pick<ContainerSpec, 'privileged' | 'userns' | 'devices' | 'deviceRules'>,
  nodes: readonly DeviceNode[],
): readonly DeviceRule[] | null {
  if (spec.privileged) return null;
  const asked = spec.devices.length > 0 || spec.deviceRules.length > 0;
  if (spec.userns === 'private' && !asked) return null;
  const given = nodes.map(({ kind, major, minor }, index) =>
    rule(kind, [major, minor], spec.devices[index]?.permissions ?? 'rwm'),
  );
  return [...standardRules, ...given, ...spec.deviceRules];
}
