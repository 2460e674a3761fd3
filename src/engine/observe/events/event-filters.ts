import { WarrenError } from '../../../base/errors.js';
import type { EngineEvent } from '../../../model/events.js';

export type Filters = Readonly<Record<string, readonly string[]>>;

const tests: Readonly<Record<string, (event: EngineEvent, value: string) => boolean>> = {
  type: (event, value) => event.type === value,
  event: (event, value) => event.action === value || event.action.startsWith(`${value}:`),
  container: (event, value) =>
    event.type === 'container' && (event.name === value || event.id.startsWith(value)),
  image: (event, value) =>
    (event.type === 'container' && event.image === value) ||
    (event.type === 'image' && (event.name === value || event.id === value)),
  label: (event, value) => event.type === 'container' && hasLabel(event.labels, value),
  volume: (event, value) => event.type === 'volume' && event.name === value,
  network: (event, value) =>
    event.type === 'network' && (event.name === value || event.id.startsWith(value)),
};

/** `name` or `name=value`. */
export function hasLabel(labels: Readonly<Record<string, string>>, wanted: string): boolean {
  const equals = wanted.indexOf('=');
  if (equals < 0) return Object.hasOwn(labels, wanted);
  return labels[wanted.slice(0, equals)] === wanted.slice(equals + 1);
}

/**
 * All keys must match, by one of their values each.
 * @throws WarrenError invalidArgument (INVALID_FILTER)
 */
export function matchesEvent(event: EngineEvent, filters: Filters): boolean {
  return Object.entries(filters).every(([key, values]) => {
    const matches = tests[key];
    if (matches === undefined) throw unknownFilter(key, Object.keys(tests));
    return values.length === 0 || values.some((value) => matches(event, value));
  });
}

export function unknownFilter(key: string, known: readonly string[]): WarrenError {
  return new WarrenError('invalidArgument', 'INVALID_FILTER', `Invalid filter '${key}'`, {
    hint: `Known filters: ${known.join(', ')}`,
  });
}
