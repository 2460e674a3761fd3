import type { ContainerId, ContainerRecord } from '../../../model/container.js';
import type { ContainerEvent } from '../../../model/events.js';
import type { EngineContext } from '../../context.js';

/** What an event says besides whose it is. */
export type EventDetail = ContainerEvent extends infer E
  ? E extends ContainerEvent
    ? Omit<E, 'type' | 'timeMs' | 'id' | 'name' | 'image' | 'labels'>
    : never
  : never;

/** What an event says of its container. */
export interface EventSubject {
  readonly id: ContainerId;
  readonly name: string;
  readonly spec: Pick<ContainerRecord['spec'], 'image' | 'labels'>;
}

/** An event of a container, now or at `timeMs`. */
export function containerEvent(
  context: Pick<EngineContext, 'clock'>,
  record: EventSubject,
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
