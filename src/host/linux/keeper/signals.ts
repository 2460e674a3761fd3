import { constants } from 'node:os';
import { isWarrenError } from '../../../base/errors.js';
import { killsAll, request as requests, signalScopes, signalsMany } from '../protocol.js';
import { errorOfFailure, type Attempt } from './failure.js';
import { decodeSignaled } from './replies.js';
import type { Session, Sessions } from './session.js';

/** Containers in one frame: the keeper does nothing else meanwhile. */
const containersPerFrame = 2048;
/** As many ids as a frame takes: the keeper's work is one write. */
const killedPerFrame = 12_000;
/** From here on it is worth asking. */
const manyKilled = 32;

const sigkill = 9;

type Scope = 'init' | 'all';

interface Waiting {
  readonly container: string;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

interface Kind {
  readonly signal: number;
  readonly scope: Scope;
}

/** Signals to containers. Equal ones of one turn of the event loop are one request: a batch kills thousands. */
export class Signals {
  readonly #sessions: Sessions;
  readonly #gathered = new Map<string, Waiting[]>();

  constructor(sessions: Sessions) {
    this.#sessions = sessions;
  }

  async send(container: string, kind: Kind): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#gather(kind).push({ container, resolve, reject });
    });
  }

  #gather(kind: Kind): Waiting[] {
    const key = `${kind.scope} ${String(kind.signal)}`;
    const found = this.#gathered.get(key);
    if (found !== undefined) return found;
    const waiting: Waiting[] = [];
    this.#gathered.set(key, waiting);
    process.nextTick(() => {
      this.#gathered.delete(key);
      void this.#deliverAll(waiting, kind);
    });
    return waiting;
  }

  async #deliverAll(waiting: readonly Waiting[], kind: Kind): Promise<void> {
    if (await this.#killAll(waiting, kind)) return;
    for (let at = 0; at < waiting.length; at += containersPerFrame)
      void this.#deliver(waiting.slice(at, at + containersPerFrame), kind);
  }

  /** False: it is no kill, or not of all containers that the keeper launched. */
  async #killAll(waiting: readonly Waiting[], { signal, scope }: Kind): Promise<boolean> {
    const { length } = waiting;
    if (signal !== sigkill || scope !== 'all' || length < manyKilled || length > killedPerFrame)
      return false;
    try {
      return await this.#sessions.once(async (session) => {
        if (session.hello.protocol < killsAll) return false;
        await killAll(session, waiting);
        return true;
      });
    } catch (error) {
      if (isWarrenError(error, 'conflict', 'KEEPER_BUSY')) return false;
      for (const { reject } of waiting) reject(error);
      return true;
    }
  }

  async #deliver(some: readonly Waiting[], kind: Kind): Promise<void> {
    try {
      await this.#sessions.once(async (session) => {
        const many = session.hello.protocol >= signalsMany && isForMany(kind) && some.length > 1;
        await (many ? signalMany(session, some, kind) : signalEach(session, some, kind));
      });
    } catch (error) {
      for (const { reject } of some) reject(error);
    }
  }
}

function isForMany({ signal, scope }: Kind): boolean {
  return scope === 'init' || signal === sigkill;
}

function attemptOn(container: string): Attempt {
  return { action: 'signal container', object: container };
}

const attemptOnMany: Attempt = { action: 'signal containers', object: '' };

async function signalEach(
  session: Session,
  some: readonly Waiting[],
  { signal, scope }: Kind,
): Promise<void> {
  await Promise.all(
    some.map(async ({ container, resolve, reject }) =>
      session
        .command({
          type: requests.signal,
          payload: (writer) => writer.str(container).i32(signal).u8(signalScopes[scope]).u64(0),
          attempt: attemptOn(container),
        })
        .then(resolve, reject),
    ),
  );
}

async function signalMany(
  session: Session,
  some: readonly Waiting[],
  { signal, scope }: Kind,
): Promise<void> {
  const results = await session.call({
    type: requests.signalMany,
    payload: (writer) =>
      writer
        .i32(signal)
        .bool(scope === 'all')
        .strings(some.map(({ container }) => container)),
    attempt: attemptOnMany,
    decode: decodeSignaled,
  });
  settle(some, results);
}

async function killAll(session: Session, all: readonly Waiting[]): Promise<void> {
  const results = await session.call({
    type: requests.killAll,
    payload: (writer) => writer.strings(all.map(({ container }) => container)),
    attempt: attemptOnMany,
    decode: decodeSignaled,
  });
  settle(all, results);
}

function settle(some: readonly Waiting[], results: readonly number[]): void {
  for (const [index, { container, resolve, reject }] of some.entries()) {
    const errno = results[index] ?? constants.errno.EPROTO;
    if (errno === 0) resolve();
    else reject(errorOfFailure(requestFailure(errno, container), attemptOn(container)));
  }
}

function requestFailure(errno: number, container: string): Parameters<typeof errorOfFailure>[0] {
  return {
    errno,
    phase: 'request',
    index: undefined,
    operation: undefined,
    path: container,
    message: 'signal container',
  };
}
