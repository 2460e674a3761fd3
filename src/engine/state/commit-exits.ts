import type { KeeperState } from '../../host/port.js';
import type { ContainerId, ContainerRecord, ExitInfo } from '../../model/container.js';
import type { EngineContext } from '../context.js';
import { dismissEndedPlaces } from '../networks/firewall.js';
import { dismissEnded } from '../networks/ports/host-ports.js';
import { exitInfo } from './exit-info.js';
import { forget } from './forget.js';

/** The record after the end of its run, which held its ports; undefined when it is not that run's any more. */
export function afterExit(
  record: ContainerRecord,
  generation: number,
  end: { readonly exit: ExitInfo; readonly restarts: number },
): ContainerRecord | undefined {
  if (record.phase !== 'started' || record.run === null || generation < record.run.generation) {
    return undefined;
  }
  return {
    ...record,
    phase: 'exited',
    ports: [],
    run: { ...record.run, generation },
    lastExit: end.exit,
    restartCount: record.restartCount + end.restarts,
  };
}

/**
 * Writes the ends of runs that keepers report into the records, and lets the keepers forget them. Takes no lock: a commit is
 * for one generation, and a newer start has a newer one. Containers that are removed at their end are left to whoever
 * waits for them and to reconcile.
 */
export async function commitExits(
  context: EngineContext,
  records: readonly ContainerRecord[],
  states: ReadonlyMap<string, KeeperState>,
): Promise<void> {
  const ended = records.filter(({ id, phase, run, spec }) => {
    const state = states.get(id);
    return (
      phase === 'started' &&
      state?.status === 'exited' &&
      state.generation >= (run?.generation ?? 0) &&
      !spec.autoRemove
    );
  });
  if (ended.length === 0) return;
  await context.records.containers.change(
    ended.map(({ id }) => id),
    null,
    (record) => {
      const state = states.get(record.id);
      if (state === undefined) return undefined;
      return afterExit(record, state.generation, {
        exit: exitInfo(state.exit),
        restarts: state.restarts,
      });
    },
  );
  await dismissEnded(context, ended);
  await dismissEndedPlaces(context, ended);
  await forget(context, ended);
}

/** Commits one end that a stop or a wait has told. Returns the exit. */
export async function commitExit(
  context: EngineContext,
  id: ContainerId,
  end: { readonly exit: ExitInfo; readonly generation: number; readonly restarts: number },
): Promise<void> {
  const before = context.records.containers.get(id);
  const [record] = await context.records.containers.change([id], null, (found) =>
    afterExit(found, end.generation, end),
  );
  if (record?.phase !== 'exited') return;
  if (before !== undefined) {
    await dismissEnded(context, [before]);
    await dismissEndedPlaces(context, [before]);
  }
  await forget(context, [record]);
}
