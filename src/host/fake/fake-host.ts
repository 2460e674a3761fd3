import type { KernelFacts } from '../facts.js';
import type {
  CgroupFiles,
  CgroupHierarchy,
  Host,
  Keeper,
  KeeperEvent,
  PinnedNamespaces,
  RunOptions,
  RunResult,
} from '../port.js';
import { FakeCgroupFiles } from './fake-cgroup-files.js';
import { FakeKeeper } from './fake-keeper.js';

export interface FakeHostOptions {
  readonly facts?: Partial<KernelFacts>;
  readonly hierarchies?: readonly CgroupHierarchy[];
  /** Answers `run`; everything succeeds silently otherwise. */
  readonly onRun?: (
    command: string,
    args: readonly string[],
    options?: RunOptions,
  ) => RunResult | Promise<RunResult>;
}

const facts: KernelFacts = {
  release: '6.18.0-fake',
  version: 618,
  architecture: 'x64',
  bootId: 'fake-boot',
  cpus: 2,
  memoryBytes: 2 ** 34,
  swapBytes: 0,
  isRoot: true,
  capabilities: (1n << 41n) - 1n,
  lastCapability: 40,
  filesystems: ['overlay', 'tmpfs', 'proc', 'sysfs', 'mqueue', 'devpts', 'cgroup2'],
  lsms: [],
  userNamespaces: true,
  seccompActions: ['kill_process', 'errno', 'allow'],
  rlimits: { nofile: { soft: 1024, hard: 20_000 } },
  pidMax: 4_194_304,
};

/** A host that touches nothing: keepers that record, cgroup files in memory, programs that do not run. */
export class FakeHost implements Host {
  readonly cgroups: CgroupFiles;
  readonly runs: { readonly command: string; readonly args: readonly string[] }[] = [];
  /** Paths at which a namespace is pinned. */
  readonly pinned: Set<string> = new Set();
  readonly namespaces: PinnedNamespaces = {
    isPinned: (path) => this.pinned.has(path),
    pin: async (path) => {
      const isNew = !this.pinned.has(path);
      this.pinned.add(path);
      return isNew;
    },
    drop: async (path) => void this.pinned.delete(path),
    links: async () => ['lo'],
    listening: (path, { address, port }, argv) => ['listen', path, `${address}:${port}`, ...argv],
    shapers: async () => new Map(),
  };
  readonly #options: FakeHostOptions;
  readonly #keepers = new Map<number, FakeKeeper>();

  constructor(options: FakeHostOptions = {}) {
    this.#options = options;
    this.cgroups = new FakeCgroupFiles(options.hierarchies);
  }

  async keeper(instance: number): Promise<Keeper> {
    return this.fakeKeeper(instance);
  }

  /** The same, with what tests need. */
  fakeKeeper(instance: number = 0): FakeKeeper {
    const known = this.#keepers.get(instance) ?? new FakeKeeper(instance);
    this.#keepers.set(instance, known);
    return known;
  }

  async runningKeeper(instance: number): Promise<Keeper | null> {
    return this.#keepers.get(instance) ?? null;
  }

  async keeperInstances(): Promise<readonly number[]> {
    return [...this.#keepers.keys()].sort((a, b) => a - b);
  }

  storedInstances(): readonly number[] {
    return [...this.#keepers.keys()].sort((a, b) => a - b);
  }

  storedEvents(instance: number): readonly KeeperEvent[] {
    return this.#keepers.get(instance)?.emitted ?? [];
  }

  async facts(): Promise<KernelFacts> {
    return { ...facts, ...this.#options.facts };
  }

  async run(command: string, args: readonly string[], options?: RunOptions): Promise<RunResult> {
    this.runs.push({ command, args });
    const answer = this.#options.onRun?.(command, args, options);
    return (await answer) ?? { code: 0, signal: null, stdout: '', stderr: '' };
  }

  async close(): Promise<void> {
    await Promise.all([...this.#keepers.values()].map((keeper) => keeper.close()));
  }
}
