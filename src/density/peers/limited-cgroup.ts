import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { PeerTask } from './peer.js';

const root = '/sys/fs/cgroup';

/** The task's cgroup where every hierarchy can hold it. */
export function makePeerCgroup({ cgroup }: PeerTask): void {
  for (const hierarchy of hierarchies())
    mkdirSync(join(root, hierarchy, cgroup), { recursive: true });
  if (isUnified()) {
    for (const path of [root, join(root, cgroup)]) {
      writeFileSync(join(path, 'cgroup.subtree_control'), '+memory +pids +cpu');
    }
  }
}

/** A cgroup of one container for systems that make none themselves; with the task's limits in the equal variant. */
export function makeMemberCgroup(task: PeerTask, index: number): readonly string[] {
  const { cgroup, memoryBytes, pidsLimit, cpus, variant } = task;
  const paths = hierarchies().map((hierarchy) => join(root, hierarchy, cgroup, `${index}`));
  for (const path of paths) mkdirSync(path, { recursive: true });
  if (variant === 'default') return paths;
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
  return paths;
}

function isUnified(): boolean {
  return existsSync(join(root, 'cgroup.controllers'));
}

function hierarchies(): readonly string[] {
  return isUnified()
    ? ['']
    : ['unified', 'memory', 'pids', 'cpu'].filter((name) => existsSync(join(root, name)));
}
