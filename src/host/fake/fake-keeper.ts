/** A keeper that records what it is asked; a test says how it answers. */
import { WarrenError } from '../../base/errors.js';
import { noExit } from '../no-exit.js';
import type {
  AttachRequest,
  ExecRequest,
  Keeper,
  KeeperContainers,
  KeeperControl,
  KeeperEvent,
  KeeperEventOptions,
  KeeperExit,
  KeeperState,
  KeeperStatus,
  Launched,
  LaunchRequest,
  Lock,
  LockOptions,
  NetlinkBatch,
  ProcessStreams,
} from '../port.js';

/** One call, as it came: `{ call: 'launch', args: [request] }`. */
export interface RecordedCall {
  readonly call: string;
  readonly args: readonly unknown[];
}

/** What a test can decide. A function that is missing answers with success. */
export interface FakeAnswers {
  launch?: (request: LaunchRequest, container: string) => Promise<Launched> | Launched;
  exec?: (request: ExecRequest) => Promise<Launched> | Launched;
  attach?: (request: AttachRequest) => Promise<ProcessStreams> | ProcessStreams;
  /** Before any other call; throw to fail it. */
  before?: (call: RecordedCall) => Promise<void> | void;
}

interface Waiter {
  readonly container: string;
  readonly resolve: (exit: KeeperExit) => void;
}

/**
 * Keeps a table of containers as the real one does: `launch` puts one in, `end` ends its run, `stop` and a
 * signal 9 do so by themselves, `forget` takes it out.
 */
export class FakeKeeper implements Keeper {
  readonly instance: number;
  readonly version = '0.0.0-fake';
  readonly bootId = 'fake-boot';
  readonly pid = 1;
  readonly calls: RecordedCall[] = [];
  readonly answers: FakeAnswers = {};
  readonly containers: KeeperContainers;
  readonly control: KeeperControl;
  readonly #states = new Map<string, KeeperState>();
  readonly #locks = new Map<string, bigint>();
  /** All of them, as a keeper stores them. */
  readonly emitted: KeeperEvent[] = [];
  readonly #subscribers = new Set<(event: KeeperEvent) => void>();
  #waiters: Waiter[] = [];
  #nextPid = 1000;
  #nextFence = 1n;

  constructor(instance: number = 0) {
    this.instance = instance;
    this.containers = this.#containers();
    this.control = this.#control();
  }

  async launch(request: LaunchRequest): Promise<Launched> {
    const container = superviseId(request.supervise);
    await this.#record('launch', [request]);
    if (this.answers.launch !== undefined) return this.answers.launch(request, container);
    const pid = this.#nextPid++;
    this.setState(container, { status: 'running', pid });
    return { ...launched(pid), exit: this.#nextExit(container) };
  }

  async exec(request: ExecRequest): Promise<Launched> {
    await this.#record('exec', [request]);
    if (this.answers.exec !== undefined) return this.answers.exec(request);
    return { ...launched(this.#nextPid++), exit: Promise.resolve({ ...noExit, how: 'exited' }) };
  }

  async attach(request: AttachRequest): Promise<ProcessStreams> {
    await this.#record('attach', [request]);
    if (this.answers.attach !== undefined) return this.answers.attach(request);
    return { ...launched(0), exit: this.#nextExit(request.container) };
  }

  async netlink(container: string, batches: readonly NetlinkBatch[]): Promise<void> {
    await this.#record('netlink', [container, batches]);
  }

  async lock(name: string, options: LockOptions): Promise<Lock> {
    await this.#record('lock', [name, options]);
    if (this.#locks.has(name))
      throw new WarrenError(
        'timedOut',
        'LOCK_TIMEOUT',
        `Cannot get the lock of ${name}: it is held`,
      );
    const fence = this.#nextFence++;
    this.#locks.set(name, fence);
    const release = async (): Promise<void> => {
      await this.#record('unlock', [fence]);
      this.#locks.delete(name);
    };
    return { fence, release, [Symbol.asyncDispose]: release };
  }

  async *events(options: KeeperEventOptions = {}): AsyncGenerator<KeeperEvent, void> {
    const queue: KeeperEvent[] = [];
    let wake: (() => void) | undefined;
    const subscriber = (event: KeeperEvent): void => {
      queue.push(event);
      wake?.();
    };
    const stop = (): void => wake?.();
    const aborted = (): boolean => options.signal?.aborted === true;
    this.#subscribers.add(subscriber);
    options.onReady?.();
    options.signal?.addEventListener('abort', stop, { once: true });
    try {
      while (!aborted()) {
        yield* queue.splice(0);
        if (queue.length > 0 || aborted()) continue;
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    } finally {
      this.#subscribers.delete(subscriber);
      options.signal?.removeEventListener('abort', stop);
    }
  }

  async close(): Promise<void> {
    await this.#record('close', []);
  }

  /* ---- for tests ---- */

  /** Puts a container into the table, or changes it. */
  setState(container: string, changes: Partial<KeeperState>): void {
    const known = this.#states.get(container) ?? emptyState(container);
    this.#states.set(container, { ...known, ...changes });
  }

  /** A container's run ends. */
  end(container: string, changes: Partial<KeeperExit> = {}): KeeperExit {
    const exit: KeeperExit = { ...noExit, how: 'exited', ...changes };
    this.setState(container, { status: 'exited', pid: 0, exit });
    const over = this.#waiters.filter((waiter) => waiter.container === container);
    this.#waiters = this.#waiters.filter((waiter) => waiter.container !== container);
    for (const waiter of over) waiter.resolve(exit);
    return exit;
  }

  emit(event: Partial<KeeperEvent> & Pick<KeeperEvent, 'kind' | 'container'>): void {
    const timeNs = BigInt(event.timeMs ?? 0) * 1_000_000n + BigInt(this.emitted.length);
    const whole = { timeNs, timeMs: 0, pid: 0, exit: noExit, detail: '', ...event };
    this.emitted.push(whole);
    for (const subscriber of this.#subscribers) subscriber(whole);
  }

  /** Arguments of every call of that name. */
  callsOf(call: string): readonly (readonly unknown[])[] {
    return this.calls.filter((recorded) => recorded.call === call).map(({ args }) => args);
  }

  async #record(call: string, args: readonly unknown[]): Promise<void> {
    const recorded = { call, args };
    this.calls.push(recorded);
    await this.answers.before?.(recorded);
  }

  #known(container: string): KeeperState {
    const state = this.#states.get(container);
    if (state !== undefined) return state;
    throw new WarrenError(
      'notFound',
      'NOT_SUPERVISED',
      `Cannot find container ${container}: the keeper does not know it`,
    );
  }

  async #nextExit(container: string): Promise<KeeperExit> {
    return new Promise((resolve) => {
      this.#waiters.push({ container, resolve });
    });
  }

  #containers(): KeeperContainers {
    const recorded = async (call: string, args: readonly unknown[]): Promise<void> => {
      await this.#record(call, args);
      this.#known(String(args[0]));
    };
    return {
      signal: async (container, signal, scope) => {
        await recorded('signal', [container, signal, scope]);
        if (signal === 9) this.end(container, { how: 'signaled', code: 9, reason: 'kill' });
      },
      stop: async (container, signal, timeoutMs) => {
        await recorded('stop', [container, signal, timeoutMs]);
        const state = this.#known(container);
        return state.status === 'exited'
          ? state.exit
          : this.end(container, { how: 'signaled', code: signal, reason: 'stop' });
      },
      freeze: async (container, frozen) => {
        await recorded('freeze', [container, frozen]);
        this.setState(container, { status: frozen ? 'paused' : 'running' });
      },
      wait: async (container, condition) => {
        await recorded('wait', [container, condition]);
        const state = this.#known(container);
        return condition === 'not-running' && state.status === 'exited'
          ? state.exit
          : this.#nextExit(container);
      },
      list: async (containers = []) => {
        await this.#record('list', [containers]);
        const all = [...this.#states.values()];
        return containers.length === 0
          ? all
          : all.filter((state) => containers.includes(state.container));
      },
      resize: (container, size) => recorded('resize', [container, size]),
      forget: async (containers) => {
        await this.#record('forget', [containers]);
        for (const container of containers) this.#states.delete(container);
      },
      supervise: (container, section) => recorded('supervise', [container, section]),
    };
  }

  #control(): KeeperControl {
    return {
      configure: (config) => this.#record('configure', [config]),
      serve: (service) => this.#record('serve', [service]),
      status: async () => {
        await this.#record('status', []);
        return status([...this.#states.values()]);
      },
      shutdown: (force) => this.#record('shutdown', [force]),
      upgrade: () => this.#record('upgrade', []),
    };
  }
}

function superviseId(section: Uint8Array): string {
  const bytes = Buffer.from(section);
  return bytes.length < 4 ? '' : bytes.toString('utf8', 4, 4 + bytes.readUInt32LE(0));
}

function launched(pid: number): Omit<Launched, 'exit'> {
  const done = async (): Promise<void> => undefined;
  return {
    pid,
    startedAtMs: 0,
    clamps: [],
    phaseTimesNs: [0, 0, 0, 0],
    stdin: null,
    stdout: null,
    stderr: null,
    resize: done,
    kill: done,
    detach: done,
  };
}

function emptyState(container: string): KeeperState {
  return {
    container,
    status: 'running',
    pid: 0,
    startedAtMs: 0,
    exit: noExit,
    restarts: 0,
    health: 'none',
    failingStreak: 0,
    generation: 1,
    nextStartAtMs: 0,
  };
}

function status(states: readonly KeeperState[]): KeeperStatus {
  return {
    containers: states.length,
    running: states.filter((state) => state.status === 'running').length,
    fdUsed: 0,
    fdLimit: 1024,
    clients: 1,
    workers: 1,
    rssBytes: 0,
    uptimeMs: 0,
    logLinesDropped: 0,
    adopted: 0,
  };
}
