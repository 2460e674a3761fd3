import { isIdPrefix } from '../../base/ids.js';
import type { ContainerRecord, ContainerState } from '../../model/container.js';
import type { EngineContext } from '../context.js';
import type { ContainerSummary } from '../contract.js';
import { type Filters, hasLabel, unknownFilter } from './events/event-filters.js';
import { isExposed, isOnNetwork, isPublishedAt } from './place-filters.js';

type RecordTest = (record: ContainerRecord, value: string, context: EngineContext) => boolean;
type StateTest = (state: ContainerState, value: string) => boolean;

/** Docker takes a name as a regular expression; a bad one is taken literally. */
function nameMatches(name: string, pattern: string): boolean {
  const wanted = pattern.replace(/^\//, '').replace(/^\^\//, '^');
  // Only short patterns of plain text, anchors and wildcards: a filter must not be able to hang the engine.
  if (wanted.length <= 128 && /^\^?[\w.-]*(\.\*)?[\w.-]*\$?$/.test(wanted)) {
    return new RegExp(wanted).test(name);
  }
  return name.includes(wanted);
}

function imageMatches(record: ContainerRecord, wanted: string): boolean {
  const { image, imageId } = record.spec;
  const tagged = (text: string): string => (/[:@]/.test(text) ? text : `${text}:latest`);
  if (tagged(image) === tagged(wanted)) return true;
  const digits = wanted.replace(/^sha256:/, '');
  return isIdPrefix(digits) && imageId.startsWith(`sha256:${digits}`);
}

const recordTests: Readonly<Record<string, RecordTest>> = {
  id: (record, value) => record.id.startsWith(value),
  name: (record, value) => nameMatches(record.name, value),
  label: (record, value) => hasLabel(record.spec.labels, value),
  ancestor: imageMatches,
  volume: (record, value) =>
    record.volumes.some(({ name, target }) => name === value || target === value) ||
    record.spec.mounts.some(
      (mount) => mount.target === value || (mount.type === 'bind' && mount.source === value),
    ),
  network: (record, value, context) => isOnNetwork(context, record, value),
  publish: isPublishedAt,
  expose: isExposed,
};

const stateTests: Readonly<Record<string, StateTest>> = {
  status: (state, value) => state.status === value,
  exited: (state, value) => state.status === 'exited' && String(state.lastExit?.code) === value,
  health: (state, value) => state.health === value,
};

/** They compare with another container's creation; see `creationBounds`. */
const relative = ['before', 'since'];

function requireKnown(filters: Filters): void {
  for (const key of Object.keys(filters)) {
    if (key in recordTests || key in stateTests || relative.includes(key)) continue;
    throw unknownFilter(key, [
      ...Object.keys(recordTests),
      ...Object.keys(stateTests),
      ...relative,
    ]);
  }
}

/** A test of records alone, before any keeper is asked. */
export function recordFilter(
  context: EngineContext,
  filters: Filters,
): (record: ContainerRecord) => boolean {
  requireKnown(filters);
  const created = (reference: string): number =>
    context.records.containers.resolve(reference).createdAtMs;
  const before = filters['before']?.map(created);
  const since = filters['since']?.map(created);
  const wanted = Object.entries(filters).flatMap(([key, values]) => {
    const matches = recordTests[key];
    return matches === undefined || values.length === 0
      ? []
      : [{ matches, values, all: key === 'label' }];
  });
  return (record) => {
    if (before !== undefined && !before.some((time) => record.createdAtMs < time)) return false;
    if (since !== undefined && !since.some((time) => record.createdAtMs > time)) return false;
    return wanted.every(({ matches, values, all }) =>
      all
        ? values.every((value) => matches(record, value, context))
        : values.some((value) => matches(record, value, context)),
    );
  };
}

/** A test of what keepers say. */
export function stateFilter(filters: Filters): (summary: ContainerSummary) => boolean {
  const wanted = Object.entries(filters).flatMap(([key, values]) => {
    const matches = stateTests[key];
    return matches === undefined || values.length === 0 ? [] : [{ matches, values }];
  });
  return ({ state }) =>
    wanted.every(({ matches, values }) => values.some((value) => matches(state, value)));
}
