import type { WarrenError } from '../../../base/errors.js';
import type { KeeperContainers, KeeperExit, KeeperState, TerminalSize } from '../../port.js';
import { request as requests, waitConditions } from '../protocol.js';
import type { RequestHandler } from './connection.js';
import { errorOfFailure } from './failure.js';
import { decodeExitReply, decodeStates } from './replies.js';
import type { Session, Sessions } from './session.js';
import { Signals } from './signals.js';

/** Ids in one frame: far below its limit. */
const idsPerFrame = 8192;

/** Operations on single containers, each on the session that is live when it is called. */
export class ContainersClient implements KeeperContainers {
  readonly #sessions: Sessions;
  readonly #signals: Signals;

  constructor(sessions: Sessions) {
    this.#sessions = sessions;
    this.#signals = new Signals(sessions);
  }

  async signal(container: string, signal: number, scope: 'init' | 'all'): Promise<void> {
    await this.#signals.send(container, { signal, scope });
  }

  async stop(container: string, signal: number, timeoutMs: number): Promise<KeeperExit> {
    const limit = timeoutMs < 0 ? never : timeoutMs;
    return this.#sessions.repeatedly((session) =>
      session.call({
        type: requests.stop,
        payload: (writer) => writer.str(container).i32(signal).u64(limit),
        attempt: { action: 'stop container', object: container },
        decode: decodeExitReply,
      }),
    );
  }

  async freeze(container: string, frozen: boolean): Promise<void> {
    await this.#sessions.repeatedly((session) =>
      session.command({
        type: requests.freeze,
        payload: (writer) => writer.str(container).bool(frozen),
        attempt: { action: frozen ? 'pause container' : 'unpause container', object: container },
      }),
    );
  }

  async wait(
    container: string,
    condition: 'not-running' | 'next-exit',
    signal?: AbortSignal,
  ): Promise<KeeperExit> {
    // The next exit may be the one that nobody saw while the connection was gone.
    const how = condition === 'next-exit' ? 'once' : 'repeatedly';
    return this.#sessions[how]((session) =>
      session.call({
        type: requests.wait,
        payload: (writer) => writer.str(container).u8(waitConditions[condition]),
        attempt: { action: 'wait for container', object: container },
        decode: decodeExitReply,
        ...(signal === undefined ? {} : { signal }),
      }),
    );
  }

  async list(containers: readonly string[] = []): Promise<readonly KeeperState[]> {
    return this.#sessions.repeatedly(async (session) => {
      const states: KeeperState[] = [];
      for (let at = 0; at === 0 || at < containers.length; at += idsPerFrame) {
        states.push(...(await listSome(session, containers.slice(at, at + idsPerFrame))));
      }
      return states;
    });
  }

  async resize(container: string, size: TerminalSize): Promise<void> {
    await this.#sessions.repeatedly((session) =>
      session.command({
        type: requests.resize,
        payload: (writer) => writer.u64(0).str(container).u16(size.columns).u16(size.rows),
        attempt: { action: 'resize the terminal of container', object: container },
      }),
    );
  }

  async forget(containers: readonly string[]): Promise<void> {
    for (let at = 0; at < containers.length; at += idsPerFrame) {
      const some = containers.slice(at, at + idsPerFrame);
      await this.#sessions.repeatedly((session) =>
        session.command({
          type: requests.forget,
          payload: (writer) => writer.strings(some),
          attempt: { action: 'forget containers', object: '' },
        }),
      );
    }
  }

  async supervise(container: string, supervise: Uint8Array): Promise<void> {
    await this.#sessions.repeatedly((session) =>
      session.command({
        type: requests.supervise,
        payload: (writer) => writer.str(container).bytes(supervise),
        attempt: { action: 'update container', object: container },
      }),
    );
  }
}

/** Ten years: no time limit, on which no clock of the keeper overflows. */
const never = 315_360_000_000;

/** STATES come in several frames. */
async function listSome(session: Session, containers: readonly string[]): Promise<KeeperState[]> {
  return new Promise<KeeperState[]>((resolve, reject: (error: WarrenError) => void) => {
    const all: KeeperState[] = [];
    const handler: RequestHandler = {
      frame: (_, payload) => {
        const { more, states } = decodeStates(payload);
        all.push(...states);
        if (more) return false;
        resolve(all);
        return true;
      },
      refused: (failure) => {
        reject(errorOfFailure(failure, { action: 'list containers', object: '' }));
      },
      gone: reject,
    };
    session.connection.begin(requests.list, {
      payload: (writer) => writer.strings(containers),
      handler,
    });
  });
}
