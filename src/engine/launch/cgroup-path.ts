import { containersGroup } from '../../cgroup/placement.js';
import type { ContainerRecord } from '../../model/container.js';
import type { EngineContext } from '../context.js';

/** Where a container's groups are made when that keeper starts it. */
export function cgroupPathOf(
  context: EngineContext,
  { id, spec }: Pick<ContainerRecord, 'id' | 'spec'>,
  keeper: number,
): string {
  const { settings, cgroups } = context;
  const { cgroupParent, runDir } = settings;
  const parent =
    spec.cgroupParent === ''
      ? containersGroup(cgroupParent, { instance: keeper, runDir })
      : spec.cgroupParent;
  return cgroups.place(parent, id, spec.resources);
}
