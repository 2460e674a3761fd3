import { setImmediate as nextTurn } from 'node:timers/promises';
import type { ContainerRecord } from '../../model/container.js';
import type { ContainerStats, LimitAccount } from '../../model/stats.js';
import { isLive, requireStatus } from '../../model/status.js';
import type { EngineContext } from '../context.js';
import { linkCounters } from '../../network/link-counters.js';
import { rateAccounts, rateCounters, withRates } from '../networks/rates.js';
import { readState, readStates } from '../state/read-states.js';

type Counters = Awaited<ReturnType<typeof rateCounters>>;

/** A container's files take a millisecond: between these many the event loop has its turn. */
const readPerTurn = 32;

function statsOf(
  context: EngineContext,
  record: ContainerRecord,
  { pid, counters }: { readonly pid: number; readonly counters: Counters },
): ContainerStats {
  const { id, name, cgroupPath, spec } = record;
  const stats = context.cgroups.stats({ path: cgroupPath, resources: spec.resources });
  const links = spec.network === 'host' || pid <= 0 ? null : linkCounters(pid);
  const networks = withRates(links, record, counters);
  return { ...stats, networks, id, name, readAtMs: context.clock.now() };
}

/** @throws WarrenError conflict when it does not run */
export async function containerStats(
  context: EngineContext,
  record: ContainerRecord,
): Promise<ContainerStats> {
  const { status, pid } = await readState(context, record);
  requireStatus('stats', status, record.name);
  return statsOf(context, record, { pid, counters: await rateCounters(context, [record]) });
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
  const [states, counters] = await Promise.all([
    readStates(context, records),
    rateCounters(context, records),
  ]);
  const stats: ContainerStats[] = [];
  for (const [index, record] of records.entries()) {
    const state = states[index];
    if (index % readPerTurn === 0) await nextTurn();
    if (state === undefined || !isLive(state.status)) continue;
    stats.push(statsOf(context, record, { pid: state.pid, counters }));
  }
  return stats;
}

/** Held, maximum, limit and times hit of each limit. @throws WarrenError conflict when it does not run */
export async function containerLimits(
  context: EngineContext,
  record: ContainerRecord,
): Promise<readonly LimitAccount[]> {
  const { status } = await readState(context, record);
  requireStatus('stats', status, record.name);
  const { cgroupPath, spec } = record;
  return [
    ...context.cgroups.limits({ path: cgroupPath, resources: spec.resources }),
    ...rateAccounts(record, await rateCounters(context, [record])),
  ];
}
