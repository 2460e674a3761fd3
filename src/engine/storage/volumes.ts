import { join } from 'node:path';
import { WarrenError } from '../../base/errors.js';
import { newId } from '../../base/ids.js';
import type { Volume } from '../../model/volume.js';
import { requireVolumeName } from '../../model/validate/names.js';
import type { EngineContext } from '../context.js';
import type { PruneResult, VolumePruneOptions } from '../contract.js';
import { filterVolumes } from './volume-filters.js';

export interface NewVolume {
  /** Empty: an anonymous name. */
  readonly name: string;
  readonly anonymous: boolean;
  readonly labels: Readonly<Record<string, string>>;
}

export type VolumeView = Volume & {
  readonly mountPoint: string;
  readonly usedBy: readonly string[];
};

export function mountPointOf(context: EngineContext, name: string): string {
  return join(context.settings.dataRoot, 'volumes', name, '_data');
}

/**
 * The volume of that name, made when it is missing: the directory first, so that a record never names what is not there.
 * @throws WarrenError invalidArgument (INVALID_NAME)
 */
export async function provideVolume(
  context: EngineContext,
  request: NewVolume,
): Promise<{ readonly volume: Volume; readonly created: boolean }> {
  const name = request.name === '' ? newId() : request.name;
  requireVolumeName(name);
  const existing = context.records.volumes.get(name);
  if (existing !== undefined) return { volume: existing, created: false };
  context.volumes.make(name);
  const made = await context.records.volumes.insert({
    name,
    createdAtMs: context.clock.now(),
    labels: request.labels,
    anonymous: request.anonymous || request.name === '',
  });
  if (made.created) {
    context.journal.append([
      { type: 'volume', timeMs: made.volume.createdAtMs, action: 'create', name },
    ]);
  }
  return made;
}

/** Removes record and content; nothing happens when it is missing. */
export async function removeVolume(context: EngineContext, name: string): Promise<boolean> {
  context.volumes.remove(name);
  context.reclaimer.schedule();
  const removed = await context.records.volumes.remove(name);
  if (removed) {
    context.journal.append([
      { type: 'volume', timeMs: context.clock.now(), action: 'destroy', name },
    ]);
  }
  return removed;
}

/** Ids of the containers that mount each volume. */
function usersOf(context: EngineContext): ReadonlyMap<string, readonly string[]> {
  const users = new Map<string, string[]>();
  for (const { id, volumes } of context.records.containers.list()) {
    for (const { name } of volumes) users.set(name, [...(users.get(name) ?? []), id]);
  }
  return users;
}

export function listVolumes(context: EngineContext): readonly VolumeView[] {
  const users = usersOf(context);
  return context.records.volumes.list().map((volume) => ({
    ...volume,
    mountPoint: mountPointOf(context, volume.name),
    usedBy: users.get(volume.name) ?? [],
  }));
}

/** @throws WarrenError notFound (NO_SUCH_VOLUME) */
export function getVolume(context: EngineContext, name: string): VolumeView {
  const volume = context.records.volumes.get(name);
  if (volume === undefined) {
    throw new WarrenError('notFound', 'NO_SUCH_VOLUME', `No such volume: ${name}`);
  }
  const usedBy = usersOf(context).get(name) ?? [];
  return { ...volume, mountPoint: mountPointOf(context, name), usedBy };
}

/** @throws WarrenError notFound (NO_SUCH_VOLUME) unless forced; conflict (VOLUME_IN_USE) */
export async function removeUnusedVolume(
  context: EngineContext,
  name: string,
  force: boolean,
): Promise<void> {
  if (force && context.records.volumes.get(name) === undefined) return;
  const { usedBy } = getVolume(context, name);
  if (usedBy.length > 0) {
    throw new WarrenError(
      'conflict',
      'VOLUME_IN_USE',
      `Cannot remove volume ${name}: it is in use by ${usedBy.join(', ')}`,
      { hint: 'Remove the containers first' },
    );
  }
  await removeVolume(context, name);
}

/** Removes volumes that no container mounts: anonymous ones, or all. */
export async function pruneVolumes(
  context: EngineContext,
  { all = false, filters = {} }: VolumePruneOptions,
): Promise<PruneResult> {
  const deleted: string[] = [];
  let reclaimedBytes = 0;
  for (const volume of filterVolumes(listVolumes(context), filters)) {
    if (volume.usedBy.length > 0 || (!all && !volume.anonymous)) continue;
    reclaimedBytes += await context.volumes.size(volume.name);
    await removeVolume(context, volume.name);
    deleted.push(volume.name);
  }
  context.reclaimer.schedule();
  await context.reclaimer.idle();
  return { deleted, reclaimedBytes };
}
