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
    const { volume, created } = await provideVolume(context, { name, anonymous, labels: {} });
    if (!created && volume.anonymous && volume.shared !== true) {
      await context.records.volumes.share(name);
    }
    // Docker's rule: an empty volume begins with what the image has at its target.
    if (created && !noCopy) await context.volumes.populate(name, { layers: record.layers, target });
  }
}

/** Removes the anonymous volumes of a container, but for those that another one has too. */
export async function releaseVolumes(
  context: EngineContext,
  record: ContainerRecord,
): Promise<readonly string[]> {
  const released: string[] = [];
  for (const { name, anonymous } of record.volumes) {
    if (!anonymous || isOfOthers(context, record, name)) continue;
    await removeVolume(context, name);
    released.push(name);
  }
  return released;
}

/** Only of a volume that was ever shared all containers are looked at. */
function isOfOthers({ records }: EngineContext, { id }: ContainerRecord, name: string): boolean {
  if (records.volumes.get(name)?.shared !== true) return false;
  return records.containers
    .list()
    .some((other) => other.id !== id && other.volumes.some((volume) => volume.name === name));
}
