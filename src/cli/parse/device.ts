import type {
  DeviceMapping,
  DeviceRate,
  DeviceRule,
  DeviceWeight,
  HugepageLimit,
} from '../../model/resources.js';
import { BadValue } from './value/bad-value.js';
import { integer } from './value/number.js';
import { parseSize } from './value/size.js';

const mappingExample = '/dev/fuse:/dev/fuse:rw';
const ruleExample = 'c 10:200 rwm';

function isPermissions(text: string): boolean {
  return /^[rwm]{1,3}$/.test(text) && new Set(text).size === text.length;
}

/** `--device HOST[:CONTAINER][:PERMISSIONS]` */
export function parseDevice(text: string): DeviceMapping {
  const [hostPath = '', second, third, ...rest] = text.split(':');
  if (rest.length > 0) throw new BadValue('it has too many colons', mappingExample);
  const secondIsPermissions = second !== undefined && third === undefined && isPermissions(second);
  const containerPath = second === undefined || secondIsPermissions ? hostPath : second;
  const permissions = secondIsPermissions ? second : (third ?? 'rwm');
  if (!hostPath.startsWith('/') || !containerPath.startsWith('/')) {
    throw new BadValue('device paths must be absolute', mappingExample);
  }
  if (!isPermissions(permissions)) {
    throw new BadValue('the permissions are letters out of r, w and m', mappingExample);
  }
  return { hostPath, containerPath, permissions };
}

function deviceNumber(text: string): number {
  return text === '*' ? -1 : Number(text);
}

/** `--device-cgroup-rule 'TYPE MAJOR:MINOR PERMISSIONS'`; `*` means any. */
export function parseDeviceRule(text: string): DeviceRule {
  const match = /^([abc]) (\d+|\*):(\d+|\*) ([rwm]{1,3})$/.exec(text);
  if (match === null) {
    throw new BadValue(
      'a rule is a type (a, b or c), numbers (MAJOR:MINOR, * for any) and permissions',
      ruleExample,
    );
  }
  const [, type, major = '', minor = '', permissions = ''] = match;
  return {
    allow: true,
    type: type === 'a' || type === 'b' ? type : 'c',
    major: deviceNumber(major),
    minor: deviceNumber(minor),
    permissions,
  };
}

function deviceAndValue(text: string, example: string): readonly [string, string] {
  const colon = text.lastIndexOf(':');
  const device = text.slice(0, Math.max(colon, 0));
  if (!/^(\/.+|\d+:\d+)$/.test(device)) {
    throw new BadValue('it must be a device (path or MAJOR:MINOR), a colon and a number', example);
  }
  return [device, text.slice(colon + 1)];
}

/** `/dev/vda:1mb`: bytes per second. */
export function parseDeviceBytes(text: string): DeviceRate {
  const [device, value] = deviceAndValue(text, '/dev/vda:1mb');
  return { device, rate: parseSize(value) };
}

/** `/dev/vda:1000`: operations per second. */
export function parseDeviceOperations(text: string): DeviceRate {
  const [device, value] = deviceAndValue(text, '/dev/vda:1000');
  return { device, rate: integer({ min: 0, example: '/dev/vda:1000' })(value) };
}

/** `/dev/vda:200`: a weight from 10 to 1000. */
export function parseDeviceWeight(text: string): DeviceWeight {
  const [device, value] = deviceAndValue(text, '/dev/vda:200');
  return { device, weight: integer({ min: 10, max: 1000, example: '/dev/vda:200' })(value) };
}

/** `2MB:64m`: at most that much memory in huge pages of that size. */
export function parseHugepageLimit(text: string): HugepageLimit {
  const match = /^(\d+[KMG]B):(.+)$/.exec(text);
  if (match === null)
    throw new BadValue('it must be a page size (2MB, 1GB), a colon and a size', '2MB:64m');
  return { pageSize: match[1] ?? '', limitBytes: parseSize(match[2] ?? '') };
}
