import { throwIfAborted } from '../../../base/abort.js';
import { BinaryReader } from '../../../base/binary.js';
import { isWarrenError, WarrenError } from '../../../base/errors.js';
import type {
  AttachRequest,
  ExecRequest,
  Keeper,
  KeeperContainers,
  KeeperControl,
  KeeperEvent,
  KeeperEventOptions,
  Launched,
  LaunchRequest,
  Lock,
  LockOptions,
  NetlinkBatch,
  ProcessStreams,
} from '../../port.js';
import { netlinkPlan } from '../../netlink.js';
import { request as requests, sizedLaunches, startFlags } from '../protocol.js';
import { ContainersClient } from './containers.js';
import { ControlClient } from './control.js';
import { keeperEvents } from './events.js';
import { ProcessConversation, streamFlags } from './process-request.js';
import { processStreams } from './process-streams.js';
import { requireProtocol } from './require-protocol.js';
import type { Session, Sessions } from './session.js';

/** A keeper that ends so often so soon ends because of what it is asked. */
const earlyEndsMaximum = 3;
const lastingMs = 1000;

export interface KeeperClientOptions {
  /** Connects, starting the keeper when that is what the caller wants. */
  readonly connect: () => Promise<Session>;
  /** The program of `upgrade`. */
  readonly program: () => Promise<string>;
}

/** One keeper. When its connection ends, open requests fail and the next one connects again. */
export class KeeperClient implements Keeper {
  readonly containers: KeeperContainers;
  readonly control: KeeperControl;
  readonly #options: KeeperClientOptions;
  #session: Session;
  #connecting: Promise<Session> | undefined;
  #closed = false;

  constructor(session: Session, options: KeeperClientOptions) {
    this.#session = session;
    this.#options = options;
    const sessions: Sessions = {
      once: async (ask) => ask(await this.#live()),
      repeatedly: async (ask) => this.#repeatedly(ask),
    };
    this.containers = new ContainersClient(sessions);
    this.control = new ControlClient(sessions, options.program);
  }

  get instance(): number {
    return this.#session.hello.instance;
  }

  get version(): string {
    return this.#session.hello.version;
  }

  get bootId(): string {
    return this.#session.hello.bootId;
  }

  get pid(): number {
    return this.#session.hello.pid;
  }

  get connected(): boolean {
    return this.#session.lost === undefined;
  }

  async launch(request: LaunchRequest): Promise<Launched> {
    const container = new BinaryReader(request.supervise).str();
    throwIfAborted(request.signal, `start container ${container}`);
    const session = await this.#live();
    const { streams = {}, terminal } = request;
    const wanted = streamFlags(streams);
    const flags = wanted | (request.ownerBound === true ? startFlags.owner : 0);
    const conversation = new ProcessConversation(session.connection, {
      type: requests.launch,
      payload: (writer) => {
        writer.u32(flags).u64(request.fence).bytes(request.supervise).bytes(request.plan);
        if (terminal !== undefined && session.hello.protocol >= sizedLaunches)
          writer.u16(terminal.columns).u16(terminal.rows);
      },
      attempt: { action: 'start container', object: container, plan: request.plan },
      streams,
      expectExit: wanted !== 0,
      ...(request.signal === undefined ? {} : { signal: request.signal }),
    });
    const launched = await conversation.started;
    const { containers } = this;
    const followed = wanted !== 0;
    return Object.assign(
      processStreams(conversation, { session, container, kind: 'launch', containers, followed }),
      launched,
    );
  }

  async exec(request: ExecRequest): Promise<Launched> {
    const { container, terminal, streams } = request;
    throwIfAborted(request.signal, `exec in container ${container}`);
    const session = await this.#live();
    const flags = execFlags(request);
    const conversation = new ProcessConversation(session.connection, {
      type: requests.exec,
      payload: (writer) =>
        writer
          .u32(flags)
          .str(container)
          .u64(request.timeoutMs ?? 0)
          .u16(terminal?.columns ?? 0)
          .u16(terminal?.rows ?? 0)
          .bytes(request.plan),
      attempt: { action: 'exec in container', object: container, plan: request.plan },
      streams,
      expectExit: true,
      ...(request.signal === undefined ? {} : { signal: request.signal }),
    });
    const launched = await conversation.started;
    const { containers } = this;
    return Object.assign(
      processStreams(conversation, {
        session,
        container,
        kind: 'exec',
        containers,
        followed: true,
      }),
      launched,
    );
  }

  async attach(request: AttachRequest): Promise<ProcessStreams> {
    const { container, terminal, streams } = request;
    throwIfAborted(request.signal, `attach to container ${container}`);
    const session = await this.#live();
    const conversation = new ProcessConversation(session.connection, {
      type: requests.attach,
      payload: (writer) =>
        writer
          .str(container)
          .u32(streamFlags(streams))
          .u16(terminal?.columns ?? 0)
          .u16(terminal?.rows ?? 0),
      attempt: { action: 'attach to container', object: container },
      streams,
      expectExit: true,
      ...(request.signal === undefined ? {} : { signal: request.signal }),
    });
    await conversation.started;
    return processStreams(conversation, {
      session,
      container,
      kind: 'attach',
      containers: this.containers,
      followed: true,
    });
  }

  async netlink(container: string, batches: readonly NetlinkBatch[]): Promise<void> {
    if (batches.length === 0) return;
    const plan = netlinkPlan(batches);
    const session = await this.#live();
    requireProtocol(session, { since: netlinkSince, action: 'change the network' });
    await session.command({
      type: requests.netlink,
      payload: (writer) => writer.str(container).bytes(plan),
      attempt:
        container === ''
          ? { action: 'change the network', object: '', plan }
          : { action: 'change the network of container', object: container, plan },
    });
  }

  async lock(name: string, options: LockOptions): Promise<Lock> {
    return this.#repeatedly(async (session) => {
      const fence = await session.call({
        type: requests.lock,
        payload: (writer) => writer.str(name).u64(options.timeoutMs).str(options.operation),
        attempt: { action: 'get the lock of', object: name },
        decode: (payload) => payload.u64(),
        ...(options.signal === undefined ? {} : { signal: options.signal }),
      });
      const release = async (): Promise<void> => {
        await unlock(session, { name, fence });
      };
      return { fence, release, [Symbol.asyncDispose]: release };
    });
  }

  async *events(options: KeeperEventOptions = {}): AsyncGenerator<KeeperEvent, void> {
    yield* keeperEvents(await this.#live(), options);
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#session.connection.close();
  }

  async #repeatedly<T>(ask: (session: Session) => Promise<T>): Promise<T> {
    for (let early = 0; ; early += 1) {
      const session = await this.#live();
      const askedAt = Date.now();
      try {
        return await ask(session);
      } catch (error) {
        if (this.#closed || !isWarrenError(error, 'unavailable', 'KEEPER_GONE')) throw error;
        if (Date.now() - askedAt > lastingMs) early = 0;
        if (early >= earlyEndsMaximum) throw error;
      }
    }
  }

  async #live(): Promise<Session> {
    if (this.#closed)
      throw new WarrenError(
        'unavailable',
        'KEEPER_CLOSED',
        'Cannot ask the keeper: its connection was closed',
      );
    if (this.#session.lost === undefined) return this.#session;
    this.#connecting ??= this.#reconnect();
    return this.#connecting;
  }

  async #reconnect(): Promise<Session> {
    try {
      this.#session = await this.#options.connect();
      return this.#session;
    } finally {
      this.#connecting = undefined;
    }
  }
}

function execFlags(request: ExecRequest): number {
  const flags = streamFlags(request.streams);
  const unread =
    request.terminal === undefined &&
    (request.streams.stdout !== true || request.streams.stderr !== true);
  return (
    flags | (request.ownerBound === true ? startFlags.owner : 0) | (unread ? startFlags.discard : 0)
  );
}

/** A lock that ended with its connection, or was taken over, is released. */
async function unlock(
  session: Session,
  lock: { readonly name: string; readonly fence: bigint },
): Promise<void> {
  try {
    await session.command({
      type: requests.unlock,
      payload: (writer) => writer.u64(lock.fence),
      attempt: { action: 'release the lock of', object: lock.name },
    });
  } catch (error) {
    if (
      !isWarrenError(error, 'unavailable', 'KEEPER_GONE') &&
      !isWarrenError(error, 'conflict', 'LOCK_ENDED')
    )
      throw error;
  }
}

const netlinkSince = 2;
