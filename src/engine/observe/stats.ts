import type { ContainerRecord } from '../../model/container.js';
import type { ContainerStats, LimitAccount } from '../../model/stats.js';
import { isLive, requireStatus } from '../../model/status.js';
import type { EngineContext } from '../context.js';
import { linkCounters } from '../../network/link-counters.js';
import { readState, readStates } from '../state/read-states.js';

function statsOf(context: EngineContext, record: ContainerRecord, pid: number): ContainerStats {
  const { id, name, cgroupPath, spec } = record;
  const stats = context.cgroups.stats({ path: cgroupPath, resources: spec.resources });
  const networks = spec.network === 'host' || pid <= 0 ? null : linkCounters(pid);
  return { ...stats, networks, id, name, readAtMs: context.clock.now() };
}

/** @throws WarrenError conflict when it does not run */
export async function containerStats(
  context: EngineContext,
  record: ContainerRecord,
): Promise<ContainerStats> {
  const { status, pid } = await readState(context, record);
  requireStatus('stats', status, record.name);
  return statsOf(context, record, pid);
}

/** All running containers, or those of the references that run, in one call. */
export async function allStats(
  context: EngineContext,
  references?: readonly string[],
): Promise<readonly ContainerStats[]> {
  const records =
    references === undefined
      ? context.records.containers.list().filter(({ phase }) => phase === 'started')
      : references.map((reference) => context.records.containers.resolve(reference));
  const states = await readStates(context, records);
  return records.flatMap((record, index) => {
    const state = states[index];
    return state !== undefined && isLive(state.status) ? [statsOf(context, record, state.pid)] : [];
  });
}

/** Held, maximum, limit and times hit of each limit. @throws WarrenError conflict when it does not run */
export async function containerLimits(
  context: EngineContext,
  record: ContainerRecord,
): Promise<readonly LimitAccount[]> {
  const { status } = await readState(context, record);
  requireStatus('stats', status, record.name);
  return context.cgroups.limits({ path: record.cgroupPath, resources: record.spec.resources });
}
