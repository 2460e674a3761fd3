import { execFileSync, spawnSync, type SpawnSyncReturns } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
} from 'node:fs';
import { arch } from 'node:os';
import { join } from 'node:path';
import { newScope, requireNoSanitizerReports, type TestScope } from '../../scope.js';
import { Bytes } from './bytes.js';
import { Client, type } from './client.js';
import type { Shape } from './plans.js';

const native = join(import.meta.dirname, '..', '..', '..', 'dist', 'native', `linux-${arch()}`);
/** WARREN_KEEPER names another build, the one with sanitizers. */
export const program: string = process.env['WARREN_KEEPER'] ?? join(native, 'warren-keeper');

/** The cgroup hierarchies of this machine, the unified one first. */
export function hierarchies(): { name: string; root: string }[] {
  const all: { name: string; root: string }[] = [];
  for (const line of readFileSync('/proc/self/mounts', 'utf8').split('\n')) {
    const [, root = '', kind = '', options = ''] = line.split(' ');
    if (kind === 'cgroup2') all.unshift({ name: 'unified', root });
    const controller = options
      .split(',')
      .find((option) => option === 'memory' || option === 'pids');
    if (kind === 'cgroup' && controller !== undefined) all.push({ name: controller, root });
  }
  return all;
}

/** A keeper of a test's own, with a data root that holds a small image. */
export class Instance {
  readonly scope: TestScope;
  readonly clients: Client[] = [];
  readonly parent: string;

  constructor() {
    this.scope = newScope();
    this.parent = this.scope.cgroupParent.slice(1);
    const image = join(this.scope.dataRoot, 'image');
    for (const name of ['bin', 'dev', 'proc', 'sys', 'tmp', 'mnt'])
      mkdirSync(join(image, name), { recursive: true });
    execFileSync('chmod', ['700', this.scope.dataRoot]);
    copyFileSync(join(native, 'warren-init'), join(image, 'bin', 'init'));
  }

  start(...more: readonly string[]): SpawnSyncReturns<string> {
    const { runDir, dataRoot } = this.scope;
    const mounted = hierarchies().flatMap(({ name, root }) => ['--hierarchy', `${name}=${root}`]);
    const own = ['--cgroup', `${this.parent}/keeper`, '--instance', '0'];
    const places = ['--run-dir', runDir, '--data-root', dataRoot];
    return spawnSync(program, ['start', ...places, ...own, ...mounted, ...more], {
      encoding: 'utf8',
    });
  }

  get socket(): string {
    return join(this.scope.runDir, 'keeper-0.sock');
  }

  async connect(): Promise<Client> {
    const client = await Client.open(this.socket);
    this.clients.push(client);
    return client;
  }

  /** A group beside the keeper's, in the hierarchies that containers have. */
  makeGroup(name: string): string {
    const path = `${this.parent}/${name}`;
    for (const each of hierarchies()) {
      if (each.name === 'unified' || each.name === 'memory')
        mkdirSync(join(each.root, path), { recursive: true });
    }
    return path;
  }

  removeGroup(name: string): void {
    for (const { root } of hierarchies()) {
      const path = join(root, this.parent, name);
      if (existsSync(path)) rmdirSync(path);
    }
  }

  shape(id: string, argv: readonly string[], more: Partial<Shape> = {}): Shape {
    if (more.upper) {
      for (const part of ['diff', 'work'])
        mkdirSync(join(this.scope.dataRoot, 'upper', id, part), { recursive: true });
    }
    const memoryHierarchy = hierarchies().findIndex(({ name }) => name === 'memory');
    return {
      id,
      argv: ['init', ...argv],
      cgroupParent: this.parent,
      memoryHierarchy: Math.max(memoryHierarchy, 0),
      ...more,
    };
  }

  /** Pids of the holder and the keeper. */
  pids(): { holder: number; keeper: number } {
    const found = { holder: 0, keeper: 0 };
    for (const name of readdirSync('/proc')) {
      if (!/^\d+$/.test(name)) continue;
      let line: string[];
      try {
        line = readFileSync(`/proc/${name}/cmdline`, 'utf8').split('\0');
        if (!line.includes(this.scope.runDir)) continue;
        if (line[1] === 'holder') found.holder = Number(name);
        const parent = /^PPid:\t(\d+)$/m.exec(readFileSync(`/proc/${name}/status`, 'utf8'))?.[1];
        const ofKeeper = parent !== undefined && this.#isKeeper(parent);
        if (line[1] === 'keeper' && !ofKeeper) found.keeper = Number(name);
      } catch {
        continue; // it ended while it was looked at
      }
    }
    return found;
  }

  #isKeeper(pid: string): boolean {
    const line = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
    return line[1] === 'keeper' && line.includes(this.scope.runDir);
  }

  /** Cgroups of containers that are left, in any hierarchy. */
  cgroups(): string[] {
    return hierarchies().flatMap(({ root }) => {
      const directory = join(root, this.parent);
      if (!existsSync(directory)) return [];
      return readdirSync(directory, { withFileTypes: true })
        .filter((entry) => entry.isDirectory() && entry.name !== 'keeper')
        .map((entry) => join(directory, entry.name));
    });
  }

  get log(): string {
    const path = join(this.scope.runDir, 'keeper.log');
    return existsSync(path) ? readFileSync(path, 'utf8') : '';
  }

  /** Ends the keeper and everything in it. */
  async end(): Promise<void> {
    for (const client of this.clients) client.close();
    if (existsSync(this.socket)) {
      this.start();
      const client = await Client.open(this.socket);
      const reply = client.send(type.shutdown, new Bytes().u8(1));
      await reply.until((now) => now.done);
      client.close();
      while (this.pids().holder !== 0) await new Promise((resolve) => setTimeout(resolve, 5));
    }
    requireNoSanitizerReports(this.scope);
    rmSync(this.scope.directory, { recursive: true, force: true });
    for (const { root } of hierarchies()) {
      let directory = join(root, this.parent);
      while (
        directory !== root &&
        existsSync(directory) &&
        readdirSync(directory, { withFileTypes: true }).every((entry) => !entry.isDirectory())
      ) {
        rmdirSync(directory);
        directory = join(directory, '..');
      }
    }
  }
}
