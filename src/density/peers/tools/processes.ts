/** What runs, by /proc. */
import { readFileSync } from 'node:fs';
import { errnoOf } from '../../../base/errors.js';
import { processesIn } from './scrub.js';

/** Name of the program in every container of every peer. */
export const programName = 'pause';

/** Containers whose program runs, among all that is in a cgroup. */
export function programsIn(cgroup: string): number {
  return [...processesIn(cgroup)].filter((pid) => nameOf(pid) === programName).length;
}

/** Does the program run below this process? */
export function runsBelow(pid: number): boolean {
  return nameOf(pid) === programName || childrenOf(pid).some(runsBelow);
}

function nameOf(pid: number): string {
  return readOrEmpty(`/proc/${pid}/comm`);
}

function childrenOf(pid: number): number[] {
  return readOrEmpty(`/proc/${pid}/task/${pid}/children`).split(' ').filter(Boolean).map(Number);
}

function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes(errnoOf(error) ?? '')) return '';
    throw error;
  }
}
