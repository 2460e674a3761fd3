import type { ContainerEvent, EngineEvent } from '../../model/events.js';

/** Docker's words for what an event is about: `health_status: healthy`. */
function action(event: EngineEvent): string {
  return event.type === 'container' && event.action === 'health_status'
    ? `health_status: ${event.health}`
    : event.action;
}

/** Facts of one kind of event; labels are attributes too, as in Docker. */
function containerAttributes(event: ContainerEvent): Record<string, string> {
  const common = { ...event.labels, image: event.image, name: event.name };
  if ('exit' in event) {
    const { code, reason } = event.exit;
    return { ...common, exitCode: code === null ? 'unknown' : String(code), reason };
  }
  if ('signal' in event) return { ...common, signal: event.signal };
  if ('oldName' in event) return { ...common, oldName: event.oldName };
  if ('lease' in event) return { ...common, lease: event.lease };
  if ('lines' in event) return { ...common, lines: String(event.lines) };
  return common;
}

function attributesOf(event: EngineEvent): Record<string, string> {
  if (event.type === 'container') return containerAttributes(event);
  const container = event.type === 'network' ? event.container : undefined;
  return { name: event.name, ...(container === undefined ? {} : { container }) };
}

/** An event as Docker's API sends it. */
export function eventDocument(event: EngineEvent): object {
  const id = event.type === 'volume' ? event.name : event.id;
  const attributes = attributesOf(event);
  const timeMs = Math.floor(event.timeMs);
  return {
    ...(event.type === 'container' ? { status: action(event), id, from: event.image } : {}),
    Type: event.type,
    Action: action(event),
    Actor: { ID: id, Attributes: attributes },
    scope: 'local',
    time: Math.floor(timeMs / 1000),
    // Nanoseconds do not fit a number without loss below a microsecond: ms are what the engine knows.
    timeNano: timeMs * 1_000_000,
  };
}
