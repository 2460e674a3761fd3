import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, readlinkSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { runDirectory } from './scope.js';

/** What the check looks at. Other people may use the machine: only what is ours is compared. */
export interface ResidueScope {
  /** The run's prefix (`tests/scope.ts`): it is part of every name and path that the run makes. */
  readonly prefix: string;
  /** Count everything that looks like Warren's, whoever made it. For machines that are ours alone. */
  readonly wholeMachine: boolean;
}

/** One line for each thing found: its kind and its name. */
export type Snapshot = ReadonlySet<string>;

/** Names that Warren gives to things that are global on the host. */
const warrenName = /(^|\/)(warren|wrn|wv)[a-z0-9.-]*/;

function isOurs(name: string, scope: ResidueScope): boolean {
  if (name.includes(scope.prefix)) return true;
  return scope.wholeMachine && warrenName.test(name);
}

/** Directories and `/proc` entries of other people vanish while they are read. */
function unlessGone<T>(read: () => T, otherwise: T): T {
  try {
    return read();
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ESRCH' || code === 'ENOTDIR' || code === 'EACCES') {
      return otherwise;
    }
    throw error;
  }
}

function mountPoints(type: RegExp): string[] {
  const points: string[] = [];
  for (const line of readFileSync('/proc/self/mountinfo', 'utf8').trimEnd().split('\n')) {
    const [left = '', right = ''] = line.split(' - ');
    if (type.test(right.split(' ')[0] ?? '')) points.push(left.split(' ')[4] ?? '');
  }
  return points;
}

function* directoriesBelow(directory: string): Generator<string> {
  for (const entry of unlessGone(() => readdirSync(directory, { withFileTypes: true }), [])) {
    if (!entry.isDirectory()) continue;
    const path = join(directory, entry.name);
    yield path;
    yield* directoriesBelow(path);
  }
}

function* cgroups(scope: ResidueScope): Generator<string> {
  for (const mountPoint of mountPoints(/^cgroup2?$/)) {
    for (const path of directoriesBelow(mountPoint)) {
      const relative = path.slice(mountPoint.length);
      // The run's own parent is shared by its tests and goes at the end of the run.
      if (relative !== `/${scope.prefix}` && isOurs(relative, scope)) yield `cgroup ${path}`;
    }
  }
}

function* mounts(scope: ResidueScope): Generator<string> {
  for (const line of readFileSync('/proc/self/mountinfo', 'utf8').trimEnd().split('\n')) {
    const [, , , from = '', on = ''] = line.split(' ');
    if (isOurs(on, scope) || isOurs(from, scope)) yield `mount ${on} (of ${from})`;
  }
}

function* namesIn(kind: string, directory: string, scope: ResidueScope): Generator<string> {
  if (!existsSync(directory)) return;
  for (const name of unlessGone(() => readdirSync(directory), [])) {
    if (isOurs(name, scope)) yield `${kind} ${name}`;
  }
}

function* nftTables(scope: ResidueScope): Generator<string> {
  const listed = spawnSync('nft', ['list', 'tables'], { encoding: 'utf8' });
  if (listed.status !== 0) return;
  for (const line of listed.stdout.split('\n')) {
    const name = line.split(' ').at(-1) ?? '';
    if (name !== '' && isOurs(name, scope)) yield `nft ${line}`;
  }
}

function processBelongs(pid: string, scope: ResidueScope): boolean {
  const read = (name: string): string =>
    unlessGone(() => readFileSync(`/proc/${pid}/${name}`, 'utf8'), '');
  const memberships = read('cgroup').split('\n');
  if (memberships.some((line) => isOurs(line.split(':')[2] ?? '', scope))) return true;
  if (read('cmdline').includes(scope.prefix)) return true;
  const workingDirectory = unlessGone(() => readlinkSync(`/proc/${pid}/cwd`), '');
  if (workingDirectory.includes(scope.prefix)) return true;
  return scope.wholeMachine && /^(warren|wrn)/.test(read('comm'));
}

function* processes(scope: ResidueScope): Generator<string> {
  for (const pid of readdirSync('/proc')) {
    if (!/^[0-9]+$/.test(pid) || Number(pid) === process.pid) continue;
    if (!processBelongs(pid, scope)) continue;
    const name = unlessGone(() => readFileSync(`/proc/${pid}/comm`, 'utf8').trim(), '');
    if (name !== '') yield `process ${pid} (${name})`;
  }
}

function* files(scope: ResidueScope): Generator<string> {
  const directory = runDirectory(scope.prefix);
  if (!existsSync(directory)) return;
  for (const name of readdirSync(directory)) yield `file ${join(directory, name)}`;
}

/** Lists what is there now, within the scope. Needs no root, but sees less without it. */
export function takeSnapshot(scope: ResidueScope): Snapshot {
  return new Set([
    ...cgroups(scope),
    ...mounts(scope),
    ...namesIn('link', '/sys/class/net', scope),
    ...namesIn('network namespace', '/run/netns', scope),
    ...nftTables(scope),
    ...processes(scope),
    ...files(scope),
  ]);
}

/**
 * What has come since `before` and stays. Teardown in the kernel is asynchronous (cgroups and
 * network namespaces end later than the processes in them), so a difference gets `settleMs` to go.
 */
export async function residueAfter(check: {
  readonly before: Snapshot;
  readonly scope: ResidueScope;
  readonly settleMs: number;
}): Promise<string[]> {
  const deadline = Date.now() + check.settleMs;
  for (;;) {
    const left = [...takeSnapshot(check.scope)].filter((line) => !check.before.has(line));
    if (left.length === 0 || Date.now() >= deadline) return left.sort();
    await delay(100);
  }
}

/** Removes the run's own empty directories: the one for files and the parent of its cgroups. */
export function removeRunDirectories(prefix: string): void {
  const parents = mountPoints(/^cgroup2?$/).map((mountPoint) => join(mountPoint, prefix));
  for (const directory of [...parents, runDirectory(prefix)]) {
    if (existsSync(directory)) rmdirSync(directory);
  }
}
