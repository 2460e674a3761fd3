import { isWarrenError } from '../../../base/errors.js';
import type { Keeper } from '../../../host/port.js';
import type { ContainerRecord } from '../../../model/container.js';
import type { EngineContext } from '../../context.js';
import { isNotSupervised } from '../../launch/keepers.js';

const sigkill = 9;

/**
 * After a launch that failed for this process: the keeper may have gone through with it (the connection broke, the keeper was
 * killed and another took over). Whatever runs is ended, so that its files can go.
 */
export async function endLaunch(context: EngineContext, record: ContainerRecord): Promise<void> {
  const current = context.records.containers.get(record.id) ?? record;
  if (current.run === null) return;
  const keeper = await nextKeeper(context, current.run.keeper);
  if (keeper === null) {
    endGroup(context, current);
    return;
  }
  try {
    const [state] = await keeper.containers.list([record.id]);
    if (state === undefined) return;
    if (state.status !== 'exited') await keeper.containers.stop(record.id, sigkill, 0);
    await keeper.containers.forget([record.id]);
  } catch (error) {
    if (!isNotSupervised(error)) throw error;
  }
}

/** Started when it does not run: its journal may know the launch. null when it cannot be: then the kernel is asked. */
async function nextKeeper(context: EngineContext, instance: number): Promise<Keeper | null> {
  try {
    return await context.keepers.start(instance);
  } catch (error) {
    if (isWarrenError(error, 'unavailable')) return null;
    throw error;
  }
}

/** Ends the processes of a container that no keeper answers for, by its group. */
function endGroup(context: EngineContext, { cgroupPath }: ContainerRecord): void {
  if (context.cgroups.processes(cgroupPath).length === 0) return;
  context.host.cgroups.write({ hierarchy: 0, path: cgroupPath }, 'cgroup.kill', '1');
}
