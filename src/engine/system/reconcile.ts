import { mapBounded } from '../../base/limit.js';
import { removeExited } from '../containers/launch/auto-remove.js';
import type { EngineContext } from '../context.js';
import type { ContainerRecord } from '../../model/container.js';
import { afterExit, commitExits } from '../state/commit-exits.js';
import { unknownExit } from '../state/exit-info.js';
import { keeperStates } from '../state/read-states.js';
import { recoverIntents } from '../state/recover.js';

const removalsInFlight = 16;

/**
 * Does what keepers leave to the engine: commits the ends of runs, removes containers that go with their end, undoes what
 * dead processes left, frees the space of what was removed.
 */
export async function reconcile(
  context: EngineContext,
): Promise<{ readonly committed: number; readonly removed: number }> {
  await recoverIntents(context);
  context.records.checkReaders();
  const all = context.records.containers.list();
  const started = all.filter(({ phase }) => phase === 'started');
  const removing = all.filter(({ phase, spec }) => phase === 'removing' && spec.autoRemove);
  const states = await keeperStates(context, started);
  const lost = started.filter(({ run }) => run?.bootId !== context.facts.bootId);
  const exited = started.filter(({ id }) => states.get(id)?.status === 'exited');
  await commitLost(context, lost);
  await commitExits(context, exited, states);
  const removable = [...lost, ...exited].filter(({ spec }) => spec.autoRemove);
  // Those that are being removed lost whoever was at it, or it makes no difference.
  await mapBounded([...removable, ...removing], removalsInFlight, async (record) =>
    removeExited(context, record),
  );
  context.reclaimer.schedule();
  await context.reclaimer.idle();
  const committed = lost.length + exited.length - removable.length;
  return { committed, removed: removable.length };
}

/** Runs of another boot ended with it; how, nobody saw. */
async function commitLost(
  context: EngineContext,
  records: readonly ContainerRecord[],
): Promise<void> {
  if (records.length === 0) return;
  await context.records.containers.change(
    records.map(({ id }) => id),
    null,
    (record) =>
      record.run === null || record.run.bootId === context.facts.bootId
        ? undefined
        : afterExit(record, record.run.generation, {
            exit: unknownExit(record.run.startedAtMs),
            restarts: 0,
          }),
  );
}
