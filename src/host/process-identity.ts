import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { isProcessGone } from '../base/errors.js';

/** What tells a process from a later one with the same pid. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Clock ticks since boot. */
  readonly pidStart: number;
  readonly bootId: string;
}

/** Start time in clock ticks since boot; null when there is no process with this pid, or nothing of it but its exit status. */
export function processStartTime(pid: number): number | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The name, in parentheses, may hold anything; field 22 is the 20th behind it.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' ? null : Number(fields[19]);
  } catch (error) {
    if (isProcessGone(error)) return null;
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

const firstLookMs = 1;
const lastLookMs = 100;

/**
 * Resolves when this process has ended: true, or false when it has not within `timeoutMs`. Looks now and then: Node can wait for
 * nothing but its own children.
 */
export async function untilEnded(pid: number, timeoutMs: number): Promise<boolean> {
  const start = processStartTime(pid);
  const deadline = performance.now() + timeoutMs;
  for (let wait = firstLookMs; ; wait = Math.min(2 * wait, lastLookMs)) {
    if (start === null || processStartTime(pid) !== start) return true;
    if (performance.now() >= deadline) return false;
    await delay(wait);
  }
}
