import { LinkedAbort } from '../../../base/abort.js';
import type { EngineEvent } from '../../../model/events.js';
import type { EngineContext } from '../../context.js';
import { abortAt } from './deadline.js';
import { matchesEvent } from './event-filters.js';
import { EventFollower, type FollowerOptions } from './follower.js';

export interface EventOptions {
  readonly signal?: AbortSignal;
  /** Called once, when everything that happens from then on will be told. */
  readonly onReady?: () => void;
  /** Docker's: type, event, container, image, label, volume. Values of one key are alternatives. */
  readonly filters?: Readonly<Record<string, readonly string[]>>;
  /** Also what happened since then, as far as it is kept; in ms since the epoch. @default from now on; with untilMs: all */
  readonly sinceMs?: number;
  /** Ends with the last event that is not later, in ms since the epoch. @default never */
  readonly untilMs?: number;
}

/**
 * What happens in every process of this data root, until the signal aborts or `untilMs` is over. What was before comes
 * in the order of time, then what happens, each event once.
 */
export async function* engineEvents(
  context: EngineContext,
  options: EventOptions = {},
): AsyncGenerator<EngineEvent> {
  const { filters = {}, untilMs = Infinity, onReady } = options;
  const sinceMs = options.sinceMs ?? (options.untilMs === undefined ? null : 0);
  const deadline = abortAt(untilMs, context.clock);
  using either = new LinkedAbort(deadline.signal, options.signal);
  const followed = followEvents(context, {
    signal: either.signal,
    sinceMs,
    isPast: untilMs <= context.clock.now(),
    ...(onReady === undefined ? {} : { onReady }),
  });
  try {
    for await (const event of followed) {
      if (event.timeMs < (sinceMs ?? 0) || event.timeMs > untilMs) continue;
      if (matchesEvent(event, filters)) yield event;
    }
  } finally {
    deadline[Symbol.dispose]();
  }
}

interface FollowOptions extends Pick<EventOptions, 'onReady'>, Partial<FollowerOptions> {
  readonly signal: AbortSignal;
  /** Only what is stored. */
  readonly isPast?: boolean;
}

/** The journal of the engines and the events of all keepers, merged as they come. */
export async function* followEvents(
  context: EngineContext,
  { signal, onReady, sinceMs = null, isPast = false }: FollowOptions,
): AsyncGenerator<EngineEvent, void> {
  using stop = new LinkedAbort(signal);
  const follower = new EventFollower(context, { signal: stop.signal, sinceMs });
  try {
    await follower.followKeepers();
    if (follower.keepers === 0 && !isPast) {
      // A keeper that starts with the first container would tell of it before anybody follows it.
      await context.keepers.master();
      await follower.followKeepers();
    }
    const past = sinceMs === null ? [] : follower.takePast();
    if (!isPast) {
      follower.start();
      onReady?.();
    }
    yield* past;
    if (!isPast) yield* follower.queue;
  } finally {
    stop.abort();
    follower.close();
  }
}
