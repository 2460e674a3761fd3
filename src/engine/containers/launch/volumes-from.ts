import { WarrenError } from '../../../base/errors.js';
import type { ContainerConfig, Mount } from '../../../model/container-config.js';
import type { ContainerRecord } from '../../../model/container.js';
import type { EngineContext } from '../../context.js';

/** A container's binds and volumes, the anonymous ones by their names. Its tmpfs are its own. */
function mountsOf({ spec, volumes }: ContainerRecord): readonly Mount[] {
  return spec.mounts.flatMap((mount): Mount[] => {
    if (mount.type === 'tmpfs') return [];
    if (mount.type === 'bind') return [mount];
    const name = volumes.find(({ target }) => target === mount.target)?.name ?? mount.source;
    return [{ ...mount, source: name, noCopy: true }];
  });
}

function readOnlyOf(mode: string | undefined, written: string): boolean {
  if (mode === undefined || mode === 'rw' || mode === 'z' || mode === 'Z') return false;
  if (mode === 'ro') return true;
  throw new WarrenError(
    'invalidArgument',
    'INVALID_CONFIG',
    `Invalid volumesFrom: ${written}: the mode must be ro or rw`,
    { hint: 'Write CONTAINER or CONTAINER:ro' },
  );
}

/**
 * The config with the mounts of the containers that it names in `volumesFrom`. What it mounts itself at a place comes first, and of
 * several containers the last.
 * @throws WarrenError notFound (NO_SUCH_CONTAINER), invalidArgument
 */
export function withVolumesFrom(context: EngineContext, config: ContainerConfig): ContainerConfig {
  const { volumesFrom = [], mounts = [] } = config;
  if (volumesFrom.length === 0) return config;
  const byTarget = new Map<string, Mount>();
  for (const written of volumesFrom) {
    const [reference = '', mode] = written.split(':');
    const readOnly = readOnlyOf(mode, written);
    for (const mount of mountsOf(context.records.containers.resolve(reference))) {
      byTarget.set(mount.target, readOnly ? { ...mount, readOnly } : mount);
    }
  }
  for (const { target } of mounts) byTarget.delete(target);
  return { ...config, mounts: [...byTarget.values(), ...mounts] };
}
