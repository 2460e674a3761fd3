import type { CgroupFiles, CgroupGroup, CgroupHierarchy } from '../../../src/host/port.js';

function hierarchy(index: number, name: string, controllers: readonly string[]): CgroupHierarchy {
  return { index, name, mountPoint: `/sys/fs/cgroup/${name}`, controllers };
}

export const hybridHierarchies: readonly CgroupHierarchy[] = [
  hierarchy(0, 'unified', ['hugetlb']),
  hierarchy(1, 'cpu,cpuacct', ['cpu', 'cpuacct']),
  hierarchy(2, 'memory', ['memory']),
  hierarchy(3, 'pids', ['pids']),
  hierarchy(4, 'cpuset', ['cpuset']),
  hierarchy(5, 'blkio', ['blkio']),
  hierarchy(6, 'devices', ['devices']),
];

export const v2Hierarchies: readonly CgroupHierarchy[] = [
  hierarchy(0, 'unified', ['cpuset', 'cpu', 'io', 'memory', 'hugetlb', 'pids']),
];

export interface RecordingFiles extends CgroupFiles {
  /** Writes that reached a group, as `hierarchy:path/file=value`. */
  readonly written: string[];
  readonly groups: Set<string>;
}

/**
 * Cgroup files in memory: groups exist when they were made, every file exists in them and is empty, and
 * what is enabled in a group's `cgroup.subtree_control` can be read back. `failOn` refuses a write.
 */
export function memoryFiles(
  hierarchies: readonly CgroupHierarchy[],
  failOn: (line: string) => string | undefined = () => undefined,
): RecordingFiles {
  const groups = new Set(hierarchies.map(({ index }) => `${index}:`));
  const contents = new Map<string, string>();
  const written: string[] = [];
  const key = ({ hierarchy: index, path }: CgroupGroup): string => `${index}:${path}`;
  return {
    hierarchies,
    written,
    groups,
    read(group, file) {
      if (!groups.has(key(group))) return null;
      return contents.get(`${key(group)}/${file}`) ?? '';
    },
    write(group, file, value) {
      const line = `${key(group)}/${file}=${value}`;
      const errno = failOn(line);
      if (errno !== undefined) throw Object.assign(new Error(errno), { code: errno });
      if (!groups.has(key(group))) throw Object.assign(new Error('ENOENT'), { code: 'ENOENT' });
      written.push(line);
      const name = `${key(group)}/${file}`;
      if (file !== 'cgroup.subtree_control') contents.set(name, value);
      else {
        const enabled = new Set((contents.get(name) ?? '').split(' ').filter(Boolean));
        for (const item of value.split(' ')) enabled.add(item.slice(1));
        contents.set(name, [...enabled].join(' '));
      }
    },
    make(group) {
      const parts = group.path.split('/');
      for (const index of parts.keys()) {
        groups.add(key({ ...group, path: parts.slice(0, index + 1).join('/') }));
      }
    },
    remove: (group) => groups.delete(key(group)),
    exists: (group) => groups.has(key(group)),
    children(group) {
      const prefix = group.path === '' ? `${group.hierarchy}:` : `${key(group)}/`;
      return [...groups]
        .filter((name) => name.startsWith(prefix) && name !== prefix)
        .map((name) => name.slice(prefix.length))
        .filter((name) => !name.includes('/'));
    },
  };
}
