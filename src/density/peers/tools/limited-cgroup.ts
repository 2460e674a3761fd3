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

/** Makes the cgroup of one container; with the task's limits in the equal variant. */
export function makeMemberCgroup(task: PeerTask, index: number): void {
  const { memoryBytes, pidsLimit, cpus, variant } = task;
  const paths = hierarchies().map((hierarchy) => join(root, hierarchy, memberCgroup(task, index)));
  for (const path of paths) mkdirSync(path, { recursive: true });
  if (variant === 'default') return;
  const quota = Math.round(cpus * 100_000);
  const v2 = { 'memory.max': memoryBytes, 'pids.max': pidsLimit, 'cpu.max': `${quota} 100000` };
  const v1 = {
    'memory.limit_in_bytes': memoryBytes,
    'pids.max': pidsLimit,
    'cpu.cfs_quota_us': quota,
  };
  for (const path of paths) {
    for (const [file, value] of Object.entries(isUnified() ? v2 : v1)) {
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
