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
  const own = spec.cgroupParent !== '';
  const parent = own ? spec.cgroupParent : containersGroup(settings.cgroupParent, keeper);
  return cgroups.place(parent, id, spec.resources);
}
