import type { ContainerRecord } from '../../model/container.js';
import type { ContainerEvent } from '../../model/events.js';
import type { EngineContext } from '../context.js';

/** What an event says besides whose it is. */
export type EventDetail = ContainerEvent extends infer E
  ? E extends ContainerEvent
    ? Omit<E, 'type' | 'timeMs' | 'id' | 'name' | 'image' | 'labels'>
    : never
  : never;

/** An event of a container, now or at `timeMs`. */
export function containerEvent(
  context: Pick<EngineContext, 'clock'>,
  record: Pick<ContainerRecord, 'id' | 'name' | 'spec'>,
  detail: EventDetail & { readonly timeMs?: number },
): ContainerEvent {
  return {
    type: 'container',
    timeMs: context.clock.now(),
    id: record.id,
    name: record.name,
    image: record.spec.image,
    labels: record.spec.labels,
    ...detail,
  };
}
