import { isWarrenError } from '../../base/errors.js';
import type { Launched, LaunchRequest, StreamWishes, TerminalSize } from '../../host/port.js';
import type { ContainerRecord } from '../../model/container.js';
import type { EngineContext } from '../context.js';
import { clearPorts, readyForRestarts } from '../networks/ports/host-ports.js';
import { networksOf } from '../networks/launch-batches.js';
import { writeEtcFiles } from './etc-files.js';
import { cgroupPathOf } from './cgroup-path.js';
import { isKeeperFull } from './keepers.js';
import { compileContainer, type CompiledContainer } from './launch-input.js';
import type { LaunchTracer } from './trace.js';

export interface LaunchWishes {
  /** 0n: the container is not known to anybody else yet. */
  readonly fence: bigint;
  readonly streams?: StreamWishes | undefined;
  readonly terminal?: TerminalSize | undefined;
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
  const networks = networksOf(context, record);
  if (networks.length > 0) await writeEtcFiles(context, record);
  let instance = record.run?.keeper ?? context.keepers.launching;
  // First, because a scope of systemd's comes with its keeper: groups that are made before it do not last.
  let keeper = await context.keepers.start(instance);
  let compiled = compileContainer(context, record, wishes.watched);
  wishes.tracer?.step('compile');
  let routerLost = false;
  let portsCleared = false;
  for (;;) {
    await context.router.provide(keeper, networks);
    try {
      await readyForRestarts(context, keeper, record);
      const launched = await keeper.launch(
        requestOf(instance, compiled, {
          ...wishes,
          ownerBound: wishes.ownerBound ?? record.spec.lease.dieWithOwner,
        }),
      );
      wishes.tracer?.keeper(launched.phaseTimesNs);
      return launched;
    } catch (error) {
      if (!portsCleared && record.ports.length > 0 && isNetlinkError(error, ['EEXIST'])) {
        portsCleared = true;
        await clearPorts(context, keeper, record);
        continue;
      }
      if (!routerLost && isRouterLost(error)) {
        routerLost = true;
        context.router.forget();
        continue;
      }
      const next = isKeeperFull(error) ? context.keepers.after(instance) : null;
      if (next === null) throw error;
      instance = next;
      keeper = await context.keepers.start(next);
      compiled = compileContainer(context, await moveRun(context, record, next), wishes.watched);
    }
  }
}

/** Somebody took the router away, a link or bridge in it, or a table since this process looked. */
function isRouterLost(error: unknown): boolean {
  return isNetlinkError(error, ['ENOENT', 'ENODEV', 'ENETUNREACH']);
}

function isNetlinkError(error: unknown, errnos: readonly string[]): boolean {
  if (!isWarrenError(error) || error.details['operation'] !== 'NETLINK') return false;
  return errnos.includes(String(error.details['errno']));
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
    ...(wishes.terminal === undefined ? {} : { terminal: wishes.terminal }),
    ...(wishes.signal === undefined ? {} : { signal: wishes.signal }),
  };
}

/** The record with the new keeper, in whose group it is. */
async function moveRun(
  context: EngineContext,
  record: ContainerRecord,
  keeper: number,
): Promise<ContainerRecord> {
  const cgroupPath = cgroupPathOf(context, record, keeper);
  const [moved = record] = await context.records.containers.change([record.id], null, (found) =>
    found.run === null || found.run.generation !== record.run?.generation
      ? undefined
      : { ...found, cgroupPath, run: { ...found.run, keeper } },
  );
  return moved;
}
