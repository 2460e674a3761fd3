import { eventDocument } from '../../api/shape/event.js';
import { dockerTime } from '../../api/shape/time.js';
import type { EngineEvent } from '../../model/events.js';

interface Document {
  readonly Type: string;
  readonly Action: string;
  readonly Actor: { readonly ID: string; readonly Attributes: Readonly<Record<string, string>> };
}

/** `2026-01-02T15:04:05.000000000Z container start ID (image=tiny, name=web)` */
export function eventLine(event: EngineEvent): string {
  const { Type, Action, Actor } = eventDocument(event) as Document;
  const attributes = Object.entries(Actor.Attributes)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map((pair) => pair.join('='));
  return `${dockerTime(event.timeMs)} ${Type} ${Action} ${Actor.ID} (${attributes.join(', ')})`;
}
