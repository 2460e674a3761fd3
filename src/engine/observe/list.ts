import type { ContainerStatus } from '../../model/container.js';
import type { EngineContext } from '../context.js';
import type { ContainerFilter, ContainerSummary } from '../contract.js';
import { readStates } from '../state/read-states.js';
import { recordFilter, stateFilter } from './container-filters.js';

const shownByDefault: readonly ContainerStatus[] = ['running', 'paused', 'restarting'];

/**
 * Containers with their states, newest first. Running ones, unless `all` or a filter of status or exit code asks for others.
 */
export async function listContainers(
  context: EngineContext,
  filter: ContainerFilter = {},
): Promise<readonly ContainerSummary[]> {
  const filters = filter.filters ?? {};
  const records = context.records.containers.list().filter(recordFilter(context, filters));
  const states = await readStates(context, records);
  const all =
    filter.all === true ||
    filter.limit !== undefined ||
    filters['status'] !== undefined ||
    filters['exited'] !== undefined;
  const matches = stateFilter(filters);
  const summaries: ContainerSummary[] = [];
  records.forEach((record, index) => {
    const state = states[index];
    if (state === undefined || (!all && !shownByDefault.includes(state.status))) return;
    const summary = { record, state };
    if (matches(summary)) summaries.push(summary);
  });
  summaries.sort((a, b) => b.record.createdAtMs - a.record.createdAtMs);
  return filter.limit === undefined ? summaries : summaries.slice(0, filter.limit);
}
