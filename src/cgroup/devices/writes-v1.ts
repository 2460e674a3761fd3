import { WarrenError } from '../../base/errors.js';
import type { DeviceRule } from '../../model/resources.js';

/** What follows is exempt from the default; the kernel keeps one list of these. */
interface Exception {
  readonly type: 'b' | 'c';
  readonly major: number;
  readonly minor: number;
}

const any = -1;

function isEverything(rule: DeviceRule): boolean {
  return rule.type === 'a' && rule.major === any && rule.minor === any;
}

function typesOf(rule: DeviceRule): readonly ('b' | 'c')[] {
  return rule.type === 'a' ? ['b', 'c'] : [rule.type];
}

function overlaps(one: Exception, other: Exception): boolean {
  const meet = (a: number, b: number): boolean => a === any || b === any || a === b;
  return one.type === other.type && meet(one.major, other.major) && meet(one.minor, other.minor);
}

function isSame(one: Exception, other: Exception): boolean {
  return one.type === other.type && one.major === other.major && one.minor === other.minor;
}

function line(exception: Exception, permissions: string): string {
  const number = (value: number): string => (value === any ? '*' : String(value));
  return `${exception.type} ${number(exception.major)}:${number(exception.minor)} ${permissions}`;
}

/**
 * The writes to `devices.allow` and `devices.deny` of a v1 group that mean these rules: nothing is
 * allowed but what they allow, and a later rule wins over an earlier one. A v1 group holds a default
 * and a flat list of exceptions, and ignores a rule that would cut a piece out of an exception:
 * throws unsupported for that.
 */
export function deviceWritesV1(
  rules: readonly DeviceRule[],
): { readonly file: string; readonly value: string }[] {
  const writes = [{ file: 'devices.deny', value: 'a' }];
  let allowedByDefault = false;
  let exceptions: Exception[] = [];
  for (const rule of rules) {
    if (isEverything(rule) && rule.permissions.length === 3) {
      allowedByDefault = rule.allow;
      exceptions = [];
      writes.push({ file: rule.allow ? 'devices.allow' : 'devices.deny', value: 'a' });
      continue;
    }
    for (const type of typesOf(rule)) {
      const exception: Exception = { type, major: rule.major, minor: rule.minor };
      if (rule.allow === allowedByDefault) {
        const cut = exceptions.filter((other) => overlaps(exception, other));
        if (cut.length === 0) continue;
        if (!cut.every((other) => isSame(exception, other))) throw cannotCut(rule, exception);
      } else {
        exceptions.push(exception);
      }
      writes.push({
        file: rule.allow ? 'devices.allow' : 'devices.deny',
        value: line(exception, rule.permissions),
      });
    }
  }
  return writes;
}

function cannotCut(rule: DeviceRule, exception: Exception): WarrenError {
  const verb = rule.allow ? 'allow' : 'deny';
  return new WarrenError(
    'unsupported',
    'DEVICE_RULE_UNSUPPORTED',
    `Cannot ${verb} the device ${line(exception, rule.permissions)}: ` +
      'cgroup v1 cannot make an exception to a rule for a range of devices',
    { hint: 'List the devices one by one' },
  );
}
