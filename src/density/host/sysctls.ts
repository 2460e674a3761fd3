import { writeFileSync } from 'node:fs';
import { errnoOf, WarrenError } from '../../base/errors.js';
import type { Wall } from './walls.js';
import { numberIn, sysctlPath } from './walls.js';

/** One setting of the host that a run changes for its time. */
export interface SysctlChange {
  readonly name: string;
  readonly before: number;
  readonly during: number;
}

/** More than the containers need: the host's own use moves as well. */
const slack = 1.2;

/** What has to be raised so that `count` more fit; empty when nothing stands in the way. */
export function neededChanges(walls: readonly Wall[], count: number): readonly SysctlChange[] {
  return walls.flatMap(({ sysctl, value, fits, perContainer }) => {
    if (sysctl === null || value === null || fits >= count) return [];
    const during = Math.ceil(value + (count * slack - fits) * perContainer);
    return [{ name: sysctl, before: value, during }];
  });
}

/** @throws WarrenError permissionDenied (SYSCTL_REFUSED) */
export function writeSysctl(name: string, value: number): void {
  try {
    writeFileSync(sysctlPath(name), `${value}`);
  } catch (error) {
    throw new WarrenError(
      'permissionDenied',
      'SYSCTL_REFUSED',
      `Cannot set ${name} to ${value}: ${errnoOf(error) ?? 'the kernel refused'}`,
      { hint: 'Set it yourself, or leave out --tune', cause: error },
    );
  }
}

/** Puts back what still has the value of the run: what somebody else has set since stays. */
export function restoreSysctls(changes: readonly SysctlChange[]): void {
  for (const { name, before, during } of changes) {
    if (numberIn(sysctlPath(name)) === during) writeSysctl(name, before);
  }
}
