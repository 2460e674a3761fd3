import type { CgroupHierarchy } from '../port.js';

/** Controllers that the kernel knows: names of `/proc/cgroups`. */
export function knownControllers(procCgroups: string): readonly string[] {
  return procCgroups
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => line.split('\t')[0] ?? '');
}

interface Mount {
  readonly mountPoint: string;
  readonly type: string;
  readonly superOptions: readonly string[];
}

/** Undoes the octal escapes of `/proc/self/mountinfo` (space, tab, newline, backslash). */
function unescapePath(path: string): string {
  return path.replace(/\\([0-7]{3})/g, (_, octal: string) =>
    String.fromCharCode(Number.parseInt(octal, 8)),
  );
}

/** proc(5): `id parent dev root mountpoint options [tags] - type source superoptions`. */
function parseMount(line: string): Mount | undefined {
  const [left, right] = line.split(' - ');
  const mountPoint = left?.split(' ')[4];
  const [type, , superOptions] = right?.split(' ') ?? [];
  if (mountPoint === undefined || type === undefined) return undefined;
  return {
    mountPoint: unescapePath(mountPoint),
    type,
    superOptions: superOptions?.split(',') ?? [],
  };
}

/**
 * The hierarchies of a host from `/proc/self/mountinfo` and `/proc/cgroups`: the unified one at index
 * 0 (mount point '' where it is not mounted; its controllers are filled in by who can read them), then
 * the v1 hierarchies in the order of their mounts. A hierarchy that is mounted twice counts once.
 */
export function parseHierarchies(mountinfo: string, procCgroups: string): CgroupHierarchy[] {
  const known = new Set(knownControllers(procCgroups));
  const mounts = mountinfo.split('\n').flatMap((line) => parseMount(line) ?? []);
  const unified = mounts.find(({ type }) => type === 'cgroup2');
  const hierarchies: CgroupHierarchy[] = [
    { index: 0, name: 'unified', mountPoint: unified?.mountPoint ?? '', controllers: [] },
  ];
  for (const mount of mounts.filter(({ type }) => type === 'cgroup')) {
    const controllers = mount.superOptions.filter((option) => known.has(option));
    const named = mount.superOptions.find((option) => option.startsWith('name='));
    const name = controllers.length > 0 ? controllers.join(',') : named;
    if (name === undefined || hierarchies.some((other) => other.name === name)) continue;
    hierarchies.push({
      index: hierarchies.length,
      name,
      mountPoint: mount.mountPoint,
      controllers,
    });
  }
  return hierarchies;
}
