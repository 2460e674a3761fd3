import {
  chmodSync,
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmdirSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { errnoOf } from '../../base/errors.js';
import type { CgroupFiles, CgroupGroup, CgroupHierarchy } from '../port.js';
import { parseHierarchies } from './cgroup-hierarchies.js';

/** Looks at the mounts of this process's mount namespace. */
function detectHierarchies(): CgroupHierarchy[] {
  const mountinfo = readFileSync('/proc/self/mountinfo', 'utf8');
  const [unified, ...v1] = parseHierarchies(mountinfo, readFileSync('/proc/cgroups', 'utf8'));
  if (unified === undefined || unified.mountPoint === '') return unified ? [unified, ...v1] : v1;
  const controllers = readFileSync(join(unified.mountPoint, 'cgroup.controllers'), 'utf8').trim();
  return [{ ...unified, controllers: controllers === '' ? [] : controllers.split(' ') }, ...v1];
}

/** Runs `action`; undefined when what it needs is gone. */
function unlessMissing<T>(action: () => T): T | undefined {
  try {
    return action();
  } catch (error) {
    const errno = errnoOf(error);
    // A cgroup that is removed while one of its files is open answers ENODEV.
    if (errno === 'ENOENT' || errno === 'ENODEV' || errno === 'ENOTDIR') return undefined;
    throw error;
  }
}

const buffer = Buffer.allocUnsafe(65536);

/** What a file holds, without its last newline; cheaper than `readFileSync`, which allocates and stats. */
function readSmall(name: string): string {
  const descriptor = openSync(name, constants.O_RDONLY);
  try {
    let text = '';
    let length = readSync(descriptor, buffer);
    while (length > 0) {
      text += buffer.toString('latin1', 0, length);
      length = readSync(descriptor, buffer);
    }
    return text.endsWith('\n') ? text.slice(0, -1) : text;
  } finally {
    closeSync(descriptor);
  }
}

/**
 * Makes the directory and what is missing above it, open to all whatever the umask: kernels before
 * 6.15 mount a container's cgroup2 only if its root may search every directory above.
 */
function makeOpen(directory: string): void {
  const first = mkdirSync(directory, { recursive: true });
  if (first === undefined) return;
  for (let made = directory; made.length >= first.length; made = dirname(made)) {
    chmodSync(made, 0o755);
  }
}

/** The cgroup file systems of this host. */
export function createCgroupFiles(): CgroupFiles {
  const hierarchies = detectHierarchies();
  const pathOf = ({ hierarchy, path }: CgroupGroup): string => {
    const mountPoint = hierarchies[hierarchy]?.mountPoint ?? '';
    if (mountPoint === '') throw new Error(`No cgroup hierarchy ${hierarchy}`);
    if (path.split('/').includes('..')) throw new Error(`Cgroup path with "..": ${path}`);
    return join(mountPoint, path);
  };
  return {
    hierarchies,
    read(group, file) {
      const name = join(pathOf(group), file);
      return unlessMissing(() => readSmall(name)) ?? null;
    },
    write(group, file, value) {
      // Neither O_CREAT nor O_TRUNC nor reading: a missing file is ENOENT, and some cannot be read.
      const descriptor = openSync(join(pathOf(group), file), constants.O_WRONLY);
      try {
        writeSync(descriptor, value);
      } finally {
        closeSync(descriptor);
      }
    },
    make(group) {
      makeOpen(pathOf(group));
    },
    remove(group) {
      const directory = pathOf(group);
      return unlessMissing(() => (rmdirSync(directory), true)) ?? false;
    },
    exists: (group) => existsSync(pathOf(group)),
    children(group) {
      const directory = pathOf(group);
      const entries = unlessMissing(() => readdirSync(directory, { withFileTypes: true })) ?? [];
      return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
    },
  };
}
