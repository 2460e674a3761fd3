import type { Keeper, KeeperEvent } from '../../host/port.js';
import type { ContainerId, ContainerRecord } from '../../model/container.js';
import type { ContainerEvent, EngineEvent } from '../../model/events.js';
import type { EngineContext } from '../context.js';
import { exitInfo } from '../state/exit-info.js';
import { containerEvent, type EventDetail } from './container-event.js';
import { matchesEvent } from './event-filters.js';
import { EventQueue } from './event-queue.js';

export interface EventOptions {
  readonly signal?: AbortSignal;
  /** Called once, when everything that happens from then on will be told. */
  readonly onReady?: () => void;
  /** Docker's: type, event, container, image, label, volume. Values of one key are alternatives. */
  readonly filters?: Readonly<Record<string, readonly string[]>>;
}

/** What happens from now on, in every process of this data root, until the signal aborts. */
export async function* engineEvents(
  context: EngineContext,
  options: EventOptions = {},
): AsyncGenerator<EngineEvent> {
  const signal = options.signal ?? new AbortController().signal;
  for await (const event of followEvents(context, { ...options, signal })) {
    if (matchesEvent(event, options.filters ?? {})) yield event;
  }
}

/** The journal of the engines and the events of all keepers, merged as they come. */
export async function* followEvents(
  context: EngineContext,
  { signal, onReady }: Pick<EventOptions, 'onReady'> & { readonly signal: AbortSignal },
): AsyncGenerator<EngineEvent, void> {
  const stop = new AbortController();
  const following = AbortSignal.any([signal, stop.signal]);
  const queue = new EventQueue<EngineEvent>(following);
  const names = new Map<string, ContainerRecord>();
  const follow = (source: Promise<void>): void => {
    source.catch((error: unknown) => {
      if (!following.aborted) queue.fail(error);
    });
  };
  const known = new Map<number, Promise<void>>();
  /** Resolves when all keepers that run tell their events. */
  const followKeepers = async (): Promise<void> => {
    for (const keeper of await context.keepers.allRunning()) {
      if (known.has(keeper.instance)) continue;
      const ready = new Promise<void>((resolve) => {
        const source = { keeper, queue, names, signal: following, onReady: resolve };
        const ended = followKeeper(context, source).finally(() => {
          known.delete(keeper.instance);
          resolve();
        });
        follow(ended);
      });
      known.set(keeper.instance, ready);
    }
    await Promise.all(known.values());
  };
  follow(
    (async () => {
      for await (const event of context.journal.follow(following)) {
        queue.push(event);
        // A container was made or started somewhere: a keeper may be new.
        await followKeepers();
      }
    })(),
  );
  try {
    await followKeepers();
    if (known.size === 0) {
      // A keeper that starts with the first container would tell of it before anybody follows it.
      await context.keepers.master();
      await followKeepers();
    }
    onReady?.();
    yield* queue;
  } finally {
    stop.abort();
  }
}

interface KeeperSource {
  readonly keeper: Keeper;
  readonly queue: EventQueue<EngineEvent>;
  /** Containers seen, for events that come after their removal. */
  readonly names: Map<string, ContainerRecord>;
  readonly signal: AbortSignal;
  readonly onReady: () => void;
}

async function followKeeper(context: EngineContext, source: KeeperSource): Promise<void> {
  const { signal, onReady } = source;
  for await (const event of source.keeper.events({ signal, onReady })) {
    const record =
      context.records.containers.get(event.container as ContainerId) ??
      source.names.get(event.container);
    if (record === undefined) continue;
    source.names.set(record.id, record);
    const detail = detailOf(event);
    if (detail !== null) {
      source.queue.push(containerEvent(context, record, { ...detail, timeMs: event.timeMs }));
    }
    if (event.kind === 'exited') source.names.delete(record.id);
  }
}

const plainActions = {
  started: 'start',
  oom: 'oom',
  paused: 'pause',
  unpaused: 'unpause',
  restarting: 'restart',
  attach: 'attach',
  detach: 'detach',
  adopted: 'adopted',
} as const satisfies Partial<Record<KeeperEvent['kind'], ContainerEvent['action']>>;

function detailOf(event: KeeperEvent): EventDetail | null {
  switch (event.kind) {
    case 'exited':
      return { action: 'die', exit: exitInfo(event.exit) };
    case 'health': {
      const [health = '', ...output] = event.detail.split('\n');
      return { action: 'health_status', health: healthOf(health), output: output.join('\n') };
    }
    case 'exec-started':
      return { action: 'exec_start', pid: event.pid };
    case 'exec-exited':
      return { action: 'exec_die', pid: event.pid, exit: exitInfo(event.exit) };
    case 'lease':
      return { action: 'lease_expired', lease: leaseOf(event.detail) };
    case 'log-dropped':
      return { action: 'log_dropped', lines: Number(event.detail) || 0 };
    default:
      return { action: plainActions[event.kind] };
  }
}

function healthOf(text: string): 'starting' | 'healthy' | 'unhealthy' {
  return text === 'healthy' || text === 'unhealthy' ? text : 'starting';
}

function leaseOf(text: string): 'ttl' | 'idle' | 'owner' {
  return text === 'ttl' || text === 'idle' ? text : 'owner';
}
