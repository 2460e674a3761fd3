import { WarrenError } from '../../base/errors.js';
import type { EngineContext } from '../context.js';
import { keepUsedClaims, releaseUnusedIds } from '../state/id-pool.js';
import { reconcile } from './reconcile.js';

/** Ends the keepers of the run dir; running containers are killed when forced, else nothing happens. */
export async function shutdown(
  context: EngineContext,
  { force }: { readonly force: boolean },
): Promise<void> {
  const keepers = await context.keepers.allRunning();
  if (!force) {
    const states = await Promise.all(keepers.map(async (keeper) => keeper.control.status()));
    const running = states.reduce((sum, state) => sum + state.running, 0);
    if (running > 0) {
      throw new WarrenError(
        'conflict',
        'KEEPER_BUSY',
        `Cannot end the keepers: ${running} containers run`,
        { hint: 'Stop them first, or use force' },
      );
    }
  }
  // While the keepers know the ends of runs, they are committed.
  await reconcile(context);
  for (const keeper of keepers) await keeper.control.shutdown(force);
  // No container runs: nothing of the kernel's holds the ids of removed ones.
  await releaseUnusedIds(context);
  keepUsedClaims(context);
  context.cgroups.removeParent(context.settings.cgroupParent);
  // Last: when the firewall refuses, nothing else stays.
  await context.router.drop();
}

/** Replaces each keeper's program by the one of this version; containers go on. */
export async function upgradeKeepers(context: EngineContext): Promise<void> {
  for (const keeper of await context.keepers.allRunning()) await keeper.control.upgrade();
}
