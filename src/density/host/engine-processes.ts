import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { errnoOf } from '../../base/errors.js';

/** One process of the engine, and what it holds by its own. */
export interface EngineProcess {
  readonly pid: number;
  readonly name: string;
  /** Proportional share of what it maps: shared pages count by how many map them. */
  readonly pssBytes: number;
  readonly rssBytes: number;
}

const kibibyte = 1024;

/**
 * The processes that serve the containers of one run dir: the keepers, whoever has started them, and their workers. Told from the
 * containers' own by their program, which is a sealed file in memory.
 */
export function engineProcesses(keepers: readonly number[]): readonly EngineProcess[] {
  const parents = new Set<number>();
  for (const pid of keepers) parents.add(pid).add(parentOf(pid));
  return processIds()
    .filter((pid) => parents.has(pid) || parents.has(parentOf(pid)))
    .filter(isEngineProgram)
    .flatMap((pid) => describe(pid));
}

function processIds(): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
}

function parentOf(pid: number): number {
  const stat = read(`/proc/${pid}/stat`);
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1] ?? 0);
}

function isEngineProgram(pid: number): boolean {
  try {
    return /^\/memfd:warren/.test(readlinkSync(`/proc/${pid}/exe`));
  } catch (error) {
    if (isGone(error)) return false;
    throw error;
  }
}

function describe(pid: number): EngineProcess[] {
  const sizes = read(`/proc/${pid}/smaps_rollup`);
  if (sizes === '') return [];
  const bytes = (field: string): number =>
    Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(sizes)?.[1] ?? 0) * kibibyte;
  const name = read(`/proc/${pid}/comm`).trim();
  return [{ pid, name, pssBytes: bytes('Pss'), rssBytes: bytes('Rss') }];
}

function isGone(error: unknown): boolean {
  return ['ENOENT', 'ESRCH', 'EACCES'].includes(errnoOf(error) ?? '');
}

/** Empty for a process that is gone. */
function read(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch (error) {
    if (isGone(error)) return '';
    throw error;
  }
}
