import { isDeepStrictEqual } from 'node:util';
import { deepFreeze } from '../../base/freeze.js';
import type { ContainerSpec, RestartPolicy } from '../../model/container-config.js';
import type { ContainerRecord } from '../../model/container.js';
import type { EgressPolicy, NetworkRates } from '../../model/network/network.js';
import type { Resources } from '../../model/resources.js';
import { isLive, requireStatus } from '../../model/status.js';
import { validateSpec } from '../../model/validate/validate-spec.js';
import { runBatch } from '../batch.js';
import type { EngineContext } from '../context.js';
import type { BatchOptions, BatchResult, UpdateRequest } from '../contract.js';
import { cgroupRequest, compileContainer } from '../launch/launch-input.js';
import { storePlan } from '../launch/stored-plan.js';
import { changeEgress } from '../networks/egress.js';
import { withNetworkIntent } from '../networks/ports/live-ports.js';
import { changeRates } from '../networks/rates.js';
import { containerEvent } from '../observe/events/container-event.js';
import { type LockedContainer, withContainerLock } from '../state/container-lock.js';
import { readState } from '../state/read-states.js';

/** Changes limits, egress rules, restart policy or lease; of running containers at once. */
export async function updateContainers(
  context: EngineContext,
  references: readonly string[],
  { request, options = {} }: { readonly request: UpdateRequest; readonly options?: BatchOptions },
): Promise<readonly BatchResult[]> {
  const merge = specMerger(request);
  return await runBatch<void>(context, references, {
    name: 'update',
    options,
    work: async (record) => {
      await withContainerLock(context, record, {
        operation: 'update',
        signal: options.signal,
        work: async (locked) => {
          const spec = merge(locked.record.spec);
          const work = async (): Promise<void> => updateLocked(context, locked, spec);
          const { egress } = locked.record.spec.networking;
          if (isDeepStrictEqual(spec.networking.egress, egress)) await work();
          else await withNetworkIntent(context, record.id, work);
        },
      });
    },
  });
}

/** The kernel first: a limit that it refuses changes nothing. Then the record, then the keeper. */
async function updateLocked(
  context: EngineContext,
  { record, fence }: LockedContainer,
  spec: ContainerSpec,
): Promise<void> {
  const { status } = await readState(context, record);
  requireStatus('update', status, record.name);
  const changed: ContainerRecord = { ...record, spec };
  const live = isLive(status) || status === 'restarting';
  // What the kernel or the policy does not allow is found out here for stopped ones too.
  const compiled = compileContainer(context, changed);
  if (isLive(status)) await applyLimits(context, record, changed);
  try {
    await context.records.containers.change([record.id], fence, (found) => ({ ...found, spec }));
  } catch (error) {
    if (isLive(status)) await applyLimits(context, changed, record);
    throw error;
  }
  if (live && record.run !== null) {
    if (spec.restart.name !== 'no') storePlan(context, record.id, compiled.plan);
    const keeper = await context.keepers.running(record.run.keeper);
    await keeper?.containers.supervise(record.id, compiled.supervise);
  }
  context.journal.append([containerEvent(context, changed, { action: 'update' })]);
}

/** What the kernel refuses of `to` leaves it as it was. */
async function applyLimits(
  context: EngineContext,
  from: ContainerRecord,
  to: ContainerRecord,
): Promise<void> {
  context.cgroups.update(cgroupRequest(to), from.spec.resources);
  try {
    await changeRates(context, from, to.spec.networking.rates);
    await changeEgress(context, from, to);
  } catch (error) {
    context.cgroups.update(cgroupRequest(from), to.spec.resources);
    await changeRates(context, to, from.spec.networking.rates);
    throw error;
  }
}

/** One changed spec for all containers that shared one. */
function specMerger(request: UpdateRequest): (spec: ContainerSpec) => ContainerSpec {
  const merged = new Map<ContainerSpec, ContainerSpec>();
  return (spec) => {
    let changed = merged.get(spec);
    if (changed === undefined) {
      changed = deepFreeze(
        structuredClone({
          ...spec,
          resources: mergeResources(spec.resources, request.resources ?? {}),
          restart: mergeRestart(spec.restart, request.restart),
          lease: { ...spec.lease, ...defined(request.lease ?? {}) },
          networking: {
            ...spec.networking,
            rates: mergeRates(spec.networking.rates, request.netRates),
            egress: mergeEgress(spec.networking.egress, request.egress),
          },
        }),
      );
      validateSpec(changed);
      merged.set(spec, changed);
    }
    return changed;
  };
}

const zeroMeansNone: readonly (keyof Resources)[] = ['cpuShares', 'blkioWeight'];

/** Absent fields stay; -1 (0 of weights) takes a limit away. CPUs and quota replace each other. */
export function mergeResources(current: Resources, update: Resources): Resources {
  const merged: Partial<Record<keyof Resources, unknown>> = { ...current, ...defined(update) };
  if (update.cpus !== undefined) {
    delete merged.cpuQuotaUs;
    delete merged.cpuPeriodUs;
  } else if (update.cpuQuotaUs !== undefined || update.cpuPeriodUs !== undefined) {
    delete merged.cpus;
  }
  for (const field of Object.keys(merged) as (keyof Resources)[]) {
    const value = merged[field];
    // -1 of these two is a limit of its own: unlimited swap, any swappiness the parent has.
    const lifted = value === -1 && field !== 'memorySwapBytes';
    if (lifted || (value === 0 && zeroMeansNone.includes(field))) delete merged[field];
  }
  return merged as Resources;
}

/** Without a rate there is no burst: taking the one away takes the other. */
function mergeRates(
  current: NetworkRates,
  update: Partial<NetworkRates> | undefined,
): NetworkRates {
  if (update === undefined) return current;
  const merged = { ...current, ...defined(update) };
  if (update.inBytesPerSecond === 0 && update.inBurstBytes === undefined) merged.inBurstBytes = 0;
  if (update.outBytesPerSecond === 0 && update.outBurstBytes === undefined)
    merged.outBurstBytes = 0;
  return merged;
}

/** Other rules are another revision. */
function mergeEgress(current: EgressPolicy, update: UpdateRequest['egress']): EgressPolicy {
  if (update === undefined) return current;
  const { policy, allow } = update;
  if (isDeepStrictEqual({ policy, allow }, { policy: current.policy, allow: current.allow }))
    return current;
  return { policy, allow, revision: (current.revision ?? 0) + 1 };
}

function mergeRestart(
  current: RestartPolicy,
  update: Partial<RestartPolicy> | undefined,
): RestartPolicy {
  if (update === undefined) return current;
  const name = update.name ?? current.name;
  const kept = name === current.name ? current.maximumRetryCount : 0;
  return { name, maximumRetryCount: update.maximumRetryCount ?? kept };
}

function defined<T extends object>(value: T): Partial<T> {
  return Object.fromEntries(
    Object.entries(value).filter(([, part]) => part !== undefined),
  ) as Partial<T>;
}
