import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { PeerTask } from '../peer.js';

const root = '/sys/fs/cgroup';

/** Name of the cgroup of a peer's daemons and commands. */
export function helperCgroup({ cgroup }: Pick<PeerTask, 'cgroup'>): string {
  return join(cgroup, 'helpers');
}

/** Name of the cgroup of one container, for systems that make none themselves. */
export function memberCgroup({ cgroup }: Pick<PeerTask, 'cgroup'>, index: number): string {
  return join(cgroup, `${index}`);
}

/** The task's cgroup and that of its helpers, where every hierarchy can hold them. */
export function makePeerCgroup(task: Pick<PeerTask, 'cgroup'>): void {
  for (const hierarchy of hierarchies())
    mkdirSync(join(root, hierarchy, helperCgroup(task)), { recursive: true });
  if (isUnified()) {
    for (const path of [root, join(root, task.cgroup)]) {
      writeFileSync(join(path, 'cgroup.subtree_control'), '+memory +pids +cpu');
    }
  }
}

/** Makes the cgroup of one container; in the equal variant with the task's memory and pids limit. */
export function makeMemberCgroup(task: PeerTask, index: number): void {
  const { memoryBytes, pidsLimit } = task;
  for (const path of memberPaths(task, index)) mkdirSync(path, { recursive: true });
  const memory = isUnified() ? 'memory.max' : 'memory.limit_in_bytes';
  limit(task, index, { [memory]: memoryBytes, 'pids.max': pidsLimit });
}

/** The CPU limit of the equal variant, for a container that runs: before, it would slow down the command that makes it. */
export function limitCpu(task: PeerTask, index: number): void {
  const quota = Math.round(task.cpus * 100_000);
  limit(
    task,
    index,
    isUnified() ? { 'cpu.max': `${quota} 100000` } : { 'cpu.cfs_quota_us': quota },
  );
}

function memberPaths(task: PeerTask, index: number): readonly string[] {
  return hierarchies().map((hierarchy) => join(root, hierarchy, memberCgroup(task, index)));
}

function limit(
  task: PeerTask,
  index: number,
  values: Readonly<Record<string, string | number>>,
): void {
  if (task.variant === 'default') return;
  for (const path of memberPaths(task, index)) {
    for (const [file, value] of Object.entries(values)) {
      if (existsSync(join(path, file))) writeFileSync(join(path, file), `${value}`);
    }
  }
}

/** Is there only the v2 tree? */
export function isUnified(): boolean {
  return existsSync(join(root, 'cgroup.controllers'));
}

function hierarchies(): readonly string[] {
  return isUnified()
    ? ['']
    : ['unified', 'systemd', 'memory', 'pids', 'cpu'].filter((name) =>
        existsSync(join(root, name)),
      );
}
