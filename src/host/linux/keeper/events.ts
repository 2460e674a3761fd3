import { WarrenError } from '../../../base/errors.js';
import type { KeeperEvent, KeeperEventOptions } from '../../port.js';
import { reply, request as requests } from '../protocol.js';
import type { RequestHandler } from './connection.js';
import { errorOfFailure } from './failure.js';
import { decodeEvent } from './replies.js';
import type { Session } from './session.js';

/** Events that wait for a reader who does something else. */
const queueMaximum = 262_144;

/** Events until the signal fires; throws when the connection ends or the reader falls too far behind. */
export async function* keeperEvents(
  session: Session,
  { signal, onReady }: KeeperEventOptions,
): AsyncGenerator<KeeperEvent, void> {
  const queue = new EventQueue(session, onReady);
  const stop = (): void => {
    queue.stop();
  };
  signal?.addEventListener('abort', stop, { once: true });
  try {
    if (signal?.aborted === true) return;
    queue.subscribe();
    for (;;) {
      const events = await queue.take();
      if (events === undefined) return;
      yield* events;
    }
  } finally {
    signal?.removeEventListener('abort', stop);
    queue.stop();
  }
}

class EventQueue implements RequestHandler {
  readonly #session: Session;
  readonly #onReady: (() => void) | undefined;
  #request = 0;
  #events: KeeperEvent[] = [];
  #ended: { readonly error?: WarrenError } | undefined;
  #wake: (() => void) | undefined;

  constructor(session: Session, onReady: (() => void) | undefined) {
    this.#session = session;
    this.#onReady = onReady;
  }

  subscribe(): void {
    this.#session.connection.begin(requests.subscribe, {
      payload: (writer) => writer.u32(0),
      handler: this,
      began: (id) => {
        this.#request = id;
      },
    });
  }

  frame(type: number, payload: Parameters<RequestHandler['frame']>[1]): boolean {
    if (type === reply.ok) this.#onReady?.();
    if (type !== reply.event) return false;
    const event = decodeEvent(payload);
    if (event !== undefined && this.#ended === undefined) this.#events.push(event);
    if (this.#events.length > queueMaximum) {
      this.#end(
        new WarrenError(
          'exhausted',
          'CLIENT_TOO_SLOW',
          `Cannot read events: more than ${queueMaximum} wait for a reader`,
        ),
      );
      this.#session.cancel(this.#request);
    }
    this.#wake?.();
    return false;
  }

  refused(failure: Parameters<RequestHandler['refused']>[0]): void {
    this.#end(errorOfFailure(failure, { action: 'read events', object: '' }));
  }

  gone(error: WarrenError): void {
    this.#end(error);
  }

  /** The next events; undefined after `stop`. */
  async take(): Promise<readonly KeeperEvent[] | undefined> {
    while (this.#events.length === 0) {
      if (this.#ended?.error !== undefined) throw this.#ended.error;
      if (this.#ended !== undefined) return undefined;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    const events = this.#events;
    this.#events = [];
    return events;
  }

  stop(): void {
    if (this.#ended === undefined) this.#session.cancel(this.#request);
    this.#ended ??= {};
    this.#events = [];
    this.#wake?.();
  }

  #end(error: WarrenError): void {
    this.#ended ??= { error };
    this.#wake?.();
  }
}
