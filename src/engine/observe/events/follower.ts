import { isWarrenError } from '../../../base/errors.js';
import type { Keeper, KeeperEvent } from '../../../host/port.js';
import type { ContainerId } from '../../../model/container.js';
import type { EngineEvent } from '../../../model/events.js';
import type { EngineContext } from '../../context.js';
import { containerEvent, type EventSubject } from './container-event.js';
import { EventQueue } from './event-queue.js';
import type { JournalReader } from '../journal.js';
import { detailOf } from './keeper-event.js';
import { ToldEvents } from './told-events.js';

export interface FollowerOptions {
  readonly signal: AbortSignal;
  /** Events from this time on are told, in ms since the epoch; null: those from now on. */
  readonly sinceMs: number | null;
}

/** Puts what the engines' journal and all keepers tell into one queue: each event once, whether it was stored or comes now. */
export class EventFollower {
  readonly queue: EventQueue<EngineEvent>;
  readonly #context: EngineContext;
  readonly #signal: AbortSignal;
  readonly #journal: JournalReader;
  /** Containers seen, for events that come after their removal. */
  readonly #subjects = new Map<string, EventSubject>();
  readonly #told = new Map<number, ToldEvents>();
  /** Keepers that are followed; each resolves when its keeper tells its events. */
  readonly #followed = new Map<number, Promise<void>>();
  readonly #past: boolean;
  /** What keepers stored before is not told. */
  readonly #fromMs: number;
  #live = false;

  constructor(context: EngineContext, { signal, sinceMs }: FollowerOptions) {
    this.#context = context;
    this.#signal = signal;
    this.queue = new EventQueue(signal);
    this.#past = sinceMs !== null;
    this.#fromMs = sinceMs ?? context.clock.now();
    this.#journal = context.journal.reader({ past: this.#past });
  }

  get keepers(): number {
    return this.#followed.size;
  }

  /** Resolves when all keepers that run tell their events. */
  async followKeepers(): Promise<void> {
    for (const keeper of await this.#context.keepers.allRunning()) {
      if (this.#followed.has(keeper.instance) || this.#signal.aborted) continue;
      const ready = new Promise<void>((resolve) => {
        const ended = this.#followKeeper(keeper, resolve).finally(() => {
          this.#followed.delete(keeper.instance);
          resolve();
        });
        this.#watch(ended.catch(async (error: unknown) => this.#again(error)));
      });
      this.#followed.set(keeper.instance, ready);
    }
    await Promise.all(this.#followed.values());
  }

  /** What was stored until now, in the order of time; the keepers are followed by then. */
  takePast(): EngineEvent[] {
    this.#readJournal();
    for (const instance of this.#context.host.storedInstances()) this.#tellStored(instance);
    return this.queue.take().sort((a, b) => a.timeMs - b.timeMs || rank(a) - rank(b));
  }

  /** From now on, also what other engines write, and keepers that they start. */
  start(): void {
    this.#live = true;
    this.#watch(this.#followJournal());
  }

  close(): void {
    this.#journal.close();
  }

  #watch(work: Promise<void>): void {
    work.catch((error: unknown) => {
      if (!this.#signal.aborted) this.queue.fail(error);
    });
  }

  /** A keeper that ended or was killed: the next one in its place goes on with what it stored. */
  async #again(error: unknown): Promise<void> {
    if (!isWarrenError(error, 'unavailable')) throw error;
    if (!this.#signal.aborted) await this.followKeepers();
  }

  async #followJournal(): Promise<void> {
    while (!this.#signal.aborted) {
      // A container was made or started somewhere: a keeper may be new.
      if (this.#readJournal() > 0) await this.followKeepers();
      await this.#journal.changed(this.#signal);
    }
  }

  #readJournal(): number {
    const events = this.#journal.read();
    for (const event of events) {
      if (event.type === 'container' && (!this.#live || event.action === 'create')) {
        const { id, name, image, labels } = event;
        this.#subjects.set(id, { id: id as ContainerId, name, spec: { image, labels } });
      }
      this.queue.push(event);
    }
    return events.length;
  }

  async #followKeeper(keeper: Keeper, onReady: () => void): Promise<void> {
    const told = this.#toldOf(keeper.instance);
    const catchesUp = this.#past || this.#live;
    const ready = (): void => {
      // Nothing of what is told from now on has come yet: what was stored is told before it.
      if (catchesUp) this.#tellStored(keeper.instance);
      onReady();
    };
    for await (const event of keeper.events({ signal: this.#signal, onReady: ready })) {
      if (!told.isNew(event)) continue;
      this.#tell(event);
      if (event.kind === 'exited') this.#subjects.delete(event.container);
    }
  }

  #toldOf(instance: number): ToldEvents {
    const told = this.#told.get(instance) ?? new ToldEvents();
    this.#told.set(instance, told);
    return told;
  }

  #tellStored(instance: number): void {
    this.#readJournal();
    const events = this.#context.host.storedEvents(instance);
    for (const event of this.#toldOf(instance).newOf(events)) {
      if (event.timeMs >= this.#fromMs) this.#tell(event);
    }
  }

  #tell(event: KeeperEvent): void {
    const subject =
      this.#context.records.containers.get(event.container as ContainerId) ??
      this.#subjects.get(event.container);
    if (subject === undefined) return;
    this.#subjects.set(subject.id, subject);
    const detail = detailOf(event);
    if (detail === null) return;
    this.queue.push(containerEvent(this.#context, subject, { ...detail, timeMs: event.timeMs }));
  }
}

/** Within a millisecond: what comes first and last in the life of a container. */
function rank(event: EngineEvent): number {
  if (event.action === 'create') return 0;
  return event.action === 'destroy' ? 2 : 1;
}
