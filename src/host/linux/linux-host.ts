import { readdirSync } from 'node:fs';
import { packageVersion } from '../../base/package.js';
import { errnoOf, WarrenError } from '../../base/errors.js';
import type { KernelFacts } from '../facts.js';
import type {
  CgroupFiles,
  Host,
  Keeper,
  PinnedNamespaces,
  RunOptions,
  RunResult,
} from '../port.js';
import { createCgroupFiles } from './cgroup-files.js';
import { probeFacts } from './facts.js';
import { keeperPath, keeperVersion } from './keeper-path.js';
import { keeperSocketPath, startKeeper } from './keeper-start.js';
import { KeeperClient } from './keeper/keeper-client.js';
import { Session } from './keeper/session.js';
import { LinuxPinnedNamespaces } from './pinned-namespaces.js';
import { run } from './run.js';

export interface LinuxHostOptions {
  /** Directory of the keeper's sockets and journal, 0700. */
  readonly runDir: string;
  readonly dataRoot: string;
  /** Cgroup path below each hierarchy's root in which keepers keep themselves. */
  readonly cgroupParent: string;
  /** @default found by keeperPath() */
  readonly keeperPath?: string;
  /** @default the keeper's own choice */
  readonly workers?: number;
  /** A keeper without containers and clients ends after this time. @default never */
  readonly idleExitMs?: number;
}

/** The real host: the keeper of a run dir, the cgroup file systems, and child processes. */
export function createLinuxHost(options: LinuxHostOptions): Host {
  return new LinuxHost(options);
}

/** Nobody listens there: no keeper runs. */
const absent: ReadonlySet<string | undefined> = new Set(['ENOENT', 'ECONNREFUSED']);

class LinuxHost implements Host {
  readonly #options: LinuxHostOptions;
  readonly #clients = new Map<number, Promise<KeeperClient>>();
  #cgroups: CgroupFiles | undefined;
  #facts: Promise<KernelFacts> | undefined;
  readonly namespaces: PinnedNamespaces;
  #closed = false;

  constructor(options: LinuxHostOptions) {
    this.#options = options;
    this.namespaces = new LinuxPinnedNamespaces(() => this.#program());
  }

  get cgroups(): CgroupFiles {
    return (this.#cgroups ??= createCgroupFiles());
  }

  async keeper(instance: number): Promise<Keeper> {
    this.#checkOpen();
    const known = this.#clients.get(instance);
    if (known !== undefined) return known;
    const connect = (): Promise<Session> => this.#connectOrStart(instance);
    const client = connect().then((session) => this.#client(session, connect));
    this.#clients.set(instance, client);
    client.catch(() => this.#clients.delete(instance));
    return client;
  }

  async runningKeeper(instance: number): Promise<Keeper | null> {
    this.#checkOpen();
    const known = await this.#clients.get(instance);
    if (known?.connected === true) return known;
    const session = await this.#connect(instance);
    if (session === null) return null;
    if (known !== undefined) {
      await session.connection.close();
      return known;
    }
    const client = this.#client(session, () => this.#connectOrStart(instance));
    const other = this.#clients.get(instance);
    if (other !== undefined) {
      await session.connection.close();
      return other;
    }
    this.#clients.set(instance, Promise.resolve(client));
    return client;
  }

  async keeperInstances(): Promise<readonly number[]> {
    return socketNames(this.#options.runDir)
      .flatMap((name) => /^keeper-(\d+)\.sock$/.exec(name)?.[1] ?? [])
      .map(Number)
      .sort((a, b) => a - b);
  }

  async facts(): Promise<KernelFacts> {
    return (this.#facts ??= probeFacts());
  }

  async run(command: string, args: readonly string[], options?: RunOptions): Promise<RunResult> {
    return run(command, args, options);
  }

  async close(): Promise<void> {
    this.#closed = true;
    const clients = await Promise.allSettled(this.#clients.values());
    this.#clients.clear();
    await Promise.all(
      clients.map(async (client) =>
        client.status === 'fulfilled' ? client.value.close() : undefined,
      ),
    );
  }

  #checkOpen(): void {
    if (this.#closed)
      throw new WarrenError(
        'unavailable',
        'HOST_CLOSED',
        'Cannot reach the keeper: the host was closed',
      );
  }

  #client(session: Session, connect: () => Promise<Session>): KeeperClient {
    return new KeeperClient(session, { connect, program: () => this.#upgradeProgram() });
  }

  #program(): string {
    return this.#options.keeperPath ?? keeperPath();
  }

  /** Looked at first: a keeper that takes over everything must be one. */
  async #upgradeProgram(): Promise<string> {
    const path = this.#program();
    await keeperVersion(path);
    return path;
  }

  async #connectOrStart(instance: number): Promise<Session> {
    const running = await this.#connect(instance);
    if (running !== null) return running;
    const { runDir, dataRoot, cgroupParent, workers, idleExitMs } = this.#options;
    await startKeeper({
      program: this.#program(),
      runDir,
      dataRoot,
      instance,
      hierarchies: this.cgroups.hierarchies,
      cgroupParent,
      ...(workers === undefined ? {} : { workers }),
      ...(idleExitMs === undefined ? {} : { idleExitMs }),
    });
    const started = await this.#connect(instance);
    if (started !== null) return started;
    throw new WarrenError(
      'unavailable',
      'KEEPER_START',
      'Cannot start the keeper: it started and ended again',
      {
        hint: `${runDir}/keeper.log may say why.`,
      },
    );
  }

  /** null when nobody listens. */
  async #connect(instance: number): Promise<Session | null> {
    try {
      return await Session.open(keeperSocketPath(this.#options.runDir, instance), packageVersion());
    } catch (error) {
      if (absent.has(errnoOf(error))) return null;
      if (errnoOf(error) === 'EACCES') throw needsRoot(error);
      throw error;
    }
  }
}

function needsRoot(cause: unknown): WarrenError {
  return new WarrenError(
    'permissionDenied',
    'NOT_ALLOWED',
    "Cannot reach the keeper: its run dir is another user's",
    {
      hint: 'Run as root, or name a run dir of your own.',
      cause,
    },
  );
}

function socketNames(runDir: string): string[] {
  try {
    return readdirSync(runDir);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw error;
  }
}
