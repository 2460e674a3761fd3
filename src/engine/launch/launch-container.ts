import type { Launched, LaunchRequest, StreamWishes } from '../../host/port.js';
import type { ContainerRecord } from '../../model/container.js';
import type { EngineContext } from '../context.js';
import { isKeeperFull } from './keepers.js';
import { compileContainer, type CompiledContainer } from './launch-input.js';
import type { LaunchTracer } from './trace.js';

export interface LaunchWishes {
  /** 0n: the container is not known to anybody else yet. */
  readonly fence: bigint;
  readonly streams?: StreamWishes | undefined;
  readonly ownerBound?: boolean | undefined;
  /** The caller does what follows the end of the container. */
  readonly watched?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly tracer?: LaunchTracer | undefined;
}

/**
 * Launches a container whose record says `started` on the keeper of its run, or on the next one when that has no file
 * descriptors left (the record then names the new one).
 */
export async function launchContainer(
  context: EngineContext,
  record: ContainerRecord,
  wishes: LaunchWishes,
): Promise<Launched> {
  if (record.ids !== null) context.idClaims.require(record.ids, record.name);
  const compiled = compileContainer(context, record, wishes.watched);
  wishes.tracer?.step('compile');
  let instance = record.run?.keeper ?? context.keepers.launching;
  for (;;) {
    const keeper = await context.keepers.start(instance);
    try {
      const launched = await keeper.launch(
        requestOf(instance, compiled, {
          ...wishes,
          ownerBound: wishes.ownerBound ?? record.spec.lease.dieWithOwner,
        }),
      );
      wishes.tracer?.keeper(launched.phaseTimesNs);
      return launched;
    } catch (error) {
      const next = isKeeperFull(error) ? context.keepers.after(instance) : null;
      if (next === null) throw error;
      instance = next;
      await moveRun(context, record, next);
    }
  }
}

function requestOf(
  instance: number,
  { plan, supervise }: CompiledContainer,
  wishes: LaunchWishes,
): LaunchRequest {
  return {
    plan,
    supervise,
    // Only the master knows the locks; others launch what the engine holds the lock for.
    fence: instance === 0 ? wishes.fence : 0n,
    ownerBound: wishes.ownerBound ?? false,
    ...(wishes.streams === undefined ? {} : { streams: wishes.streams }),
    ...(wishes.signal === undefined ? {} : { signal: wishes.signal }),
  };
}

async function moveRun(
  context: EngineContext,
  record: ContainerRecord,
  keeper: number,
): Promise<void> {
  await context.records.containers.change([record.id], null, (found) =>
    found.run === null || found.run.generation !== record.run?.generation
      ? undefined
      : { ...found, run: { ...found.run, keeper } },
  );
}
