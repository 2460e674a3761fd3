import { readFileSync } from 'node:fs';
import { errnoOf } from '../base/errors.js';

/** What tells a process from a later one with the same pid. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Clock ticks since boot. */
  readonly pidStart: number;
  readonly bootId: string;
}

/** Start time in clock ticks since boot; null when there is no process with this pid. */
export function processStartTime(pid: number): number | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The name, in parentheses, may hold anything; field 22 is the 20th behind it.
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ESRCH') return null;
    throw error;
  }
}

export function ownIdentity(bootId: string): ProcessIdentity {
  return { pid: process.pid, pidStart: processStartTime(process.pid) ?? 0, bootId };
}

/** False when that very process has ended. */
export function isAlive(identity: ProcessIdentity, bootId: string): boolean {
  return identity.bootId === bootId && processStartTime(identity.pid) === identity.pidStart;
}
