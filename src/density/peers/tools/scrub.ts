import { existsSync, readdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { errnoOf, WarrenError } from '../../../base/errors.js';
import { runProgram } from './program.js';

const cgroupRoot = '/sys/fs/cgroup';
const patienceMs = 60_000;
const lookEveryMs = 20;

/** Absolute paths of a cgroup in every hierarchy that has it. */
export function cgroupDirectories(name: string): string[] {
  return ['', ...readdirSync(cgroupRoot)]
    .map((hierarchy) => join(cgroupRoot, hierarchy, name))
    .filter((path) => existsSync(join(path, 'cgroup.procs')));
}

function groupsBelow(path: string): string[] {
  const children = readdirSync(path, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .flatMap((entry) => groupsBelow(join(path, entry.name)));
  return [...children, path];
}

/** Pids in a cgroup and all below it, in every hierarchy. */
export function processesIn(name: string): ReadonlySet<number> {
  const pids = new Set<number>();
  for (const directory of cgroupDirectories(name)) {
    for (const group of groupsBelow(directory)) {
      for (const line of readOrEmpty(join(group, 'cgroup.procs')).split('\n')) {
        if (line !== '' && line !== '0') pids.add(Number(line));
      }
    }
  }
  return pids;
}

function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (['ENOENT', 'ENODEV'].includes(errnoOf(error) ?? '')) return '';
    throw error;
  }
}

/** Ends every process in the cgroup, waits for the ends, and removes the groups. */
export async function removeCgroup(name: string): Promise<void> {
  const end = performance.now() + patienceMs;
  for (;;) {
    for (const directory of cgroupDirectories(name)) killWhole(directory);
    for (const pid of processesIn(name)) kill(pid);
    if (cgroupDirectories(name).every((directory) => removedAll(directory))) return;
    if (performance.now() > end) {
      throw new WarrenError(
        'unavailable',
        'CGROUP_BUSY',
        `Cannot remove cgroup ${name}: something in it does not end`,
      );
    }
    await delay(lookEveryMs);
  }
}

function killWhole(directory: string): void {
  const file = join(directory, 'cgroup.kill');
  if (existsSync(file)) writeFileSync(file, '1');
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if (errnoOf(error) !== 'ESRCH') throw error;
  }
}

function removedAll(directory: string): boolean {
  for (const group of groupsBelow(directory)) {
    try {
      rmdirSync(group);
    } catch (error) {
      const errno = errnoOf(error) ?? '';
      if (errno === 'EBUSY') return false;
      if (errno !== 'ENOENT') throw error;
    }
  }
  return true;
}

/** Unmounts everything below a directory, the deepest first, and removes it. */
export async function removeDirectory(directory: string): Promise<void> {
  const targets = readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[4] ?? '')
    .filter((target) => target.startsWith(`${directory}/`));
  for (const target of targets.reverse()) await runProgram('umount', ['--lazy', target]);
  rmSync(directory, { recursive: true, force: true });
}
