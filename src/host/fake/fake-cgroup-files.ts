import type { CgroupFiles, CgroupGroup, CgroupHierarchy } from '../port.js';

const pureV2: readonly CgroupHierarchy[] = [
  {
    index: 0,
    name: 'unified',
    mountPoint: '/sys/fs/cgroup',
    controllers: ['cpuset', 'cpu', 'io', 'memory', 'hugetlb', 'pids'],
  },
];

export interface RecordedWrite {
  readonly hierarchy: number;
  readonly path: string;
  readonly file: string;
  readonly value: string;
}

/** Groups and their files in memory. A file exists when a test or a write has put it there. */
export class FakeCgroupFiles implements CgroupFiles {
  readonly hierarchies: readonly CgroupHierarchy[];
  readonly writes: RecordedWrite[] = [];
  /** Throws what the kernel would; null: every write succeeds. */
  onWrite: ((write: RecordedWrite) => void) | null = null;
  readonly #groups = new Map<string, Map<string, string>>();

  constructor(hierarchies: readonly CgroupHierarchy[] = pureV2) {
    this.hierarchies = hierarchies;
  }

  /** What a later `read` gives. */
  put(group: CgroupGroup, file: string, content: string): void {
    this.make(group);
    this.#groups.get(key(group))?.set(file, content);
  }

  read(group: CgroupGroup, file: string): string | null {
    return this.#groups.get(key(group))?.get(file) ?? null;
  }

  write(group: CgroupGroup, file: string, value: string): void {
    const recorded = { hierarchy: group.hierarchy, path: group.path, file, value };
    this.writes.push(recorded);
    this.onWrite?.(recorded);
    const files = this.#groups.get(key(group));
    if (files === undefined) throw missing(group);
    files.set(file, value);
  }

  make(group: CgroupGroup): void {
    const parts = group.path.split('/').filter((part) => part !== '');
    for (let count = 0; count <= parts.length; count++) {
      const name = key({ hierarchy: group.hierarchy, path: parts.slice(0, count).join('/') });
      if (!this.#groups.has(name)) this.#groups.set(name, new Map());
    }
  }

  remove(group: CgroupGroup): boolean {
    if (this.children(group).length > 0) throw systemError('EBUSY', group);
    return this.#groups.delete(key(group));
  }

  exists(group: CgroupGroup): boolean {
    return this.#groups.has(key(group));
  }

  children(group: CgroupGroup): readonly string[] {
    const prefix = group.path === '' ? `${group.hierarchy}:` : `${key(group)}/`;
    return [...this.#groups.keys()]
      .filter((name) => name.startsWith(prefix))
      .map((name) => name.slice(prefix.length))
      .filter((rest) => rest !== '' && !rest.includes('/'));
  }
}

function key({ hierarchy, path }: CgroupGroup): string {
  return `${hierarchy}:${path}`;
}

function missing(group: CgroupGroup): Error {
  return systemError('ENOENT', group);
}

function systemError(code: string, group: CgroupGroup): Error {
  return Object.assign(new Error(`${code}: ${group.path}`), { code });
}
