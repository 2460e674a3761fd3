import type { ContainerRecord } from '../../model/container.js';
import type { EngineContext } from '../context.js';
import { provideVolume, removeVolume } from './volumes.js';

/** Makes the volumes of a container that do not exist yet. */
export async function provideVolumes(
  context: EngineContext,
  record: ContainerRecord,
): Promise<void> {
  for (const { name, anonymous, target } of record.volumes) {
    const mount = record.spec.mounts.find((candidate) => candidate.target === target);
    const noCopy = mount?.type === 'volume' && mount.noCopy === true;
    const { created } = await provideVolume(context, { name, anonymous, labels: {} });
    // Docker's rule: an empty volume begins with what the image has at its target.
    if (created && !noCopy) await context.volumes.populate(name, { layers: record.layers, target });
  }
}

/** Removes the anonymous volumes that were made for a container. */
export async function releaseVolumes(
  context: EngineContext,
  record: ContainerRecord,
): Promise<readonly string[]> {
  const anonymous = record.volumes.filter((volume) => volume.anonymous).map(({ name }) => name);
  for (const name of anonymous) await removeVolume(context, name);
  return anonymous;
}
