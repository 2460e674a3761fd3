import { isWarrenError } from '../../base/errors.js';
import { mapBounded } from '../../base/limit.js';
import type { EngineContext } from '../context.js';
import type { DiskUsageLine } from '../contract.js';
import { readStates } from '../state/read-states.js';

const atOnce = 8;

/** What takes space below the data root, as `docker system df` counts it. Layers that images share count once. */
export async function diskUsage(context: EngineContext): Promise<readonly DiskUsageLine[]> {
  return [await ofImages(context), await ofContainers(context), await ofVolumes(context)];
}

async function ofImages(context: EngineContext): Promise<DiskUsageLine> {
  const images = await context.images.list();
  const used = new Set<string>(context.records.containers.list().map(({ spec }) => spec.imageId));
  const { total, needed } = context.transfers.layerBytes(used);
  return {
    type: 'Images',
    total: images.length,
    active: images.filter(({ id }) => used.has(id)).length,
    sizeBytes: total,
    reclaimableBytes: total - needed,
  };
}

async function ofContainers(context: EngineContext): Promise<DiskUsageLine> {
  const records = context.records.containers.list();
  const states = await readStates(context, records);
  const sizes = await mapBounded(records, atOnce, async ({ id }) => await sizeOf(context, id));
  const isActive = records.map((_record, index) =>
    ['running', 'paused', 'restarting'].includes(states[index]?.status ?? ''),
  );
  const sum = (wanted: (index: number) => boolean): number =>
    sizes.reduce((total, size, index) => total + (wanted(index) ? size : 0), 0);
  return {
    type: 'Containers',
    total: records.length,
    active: isActive.filter(Boolean).length,
    sizeBytes: sum(() => true),
    reclaimableBytes: sum((index) => isActive[index] !== true),
  };
}

/** One that is removed meanwhile takes nothing. */
async function sizeOf(context: EngineContext, id: string): Promise<number> {
  try {
    return await context.storage.size(id);
  } catch (error) {
    if (isWarrenError(error, 'notFound')) return 0;
    throw error;
  }
}

async function ofVolumes(context: EngineContext): Promise<DiskUsageLine> {
  const volumes = context.records.volumes.list();
  const used = new Set(
    context.records.containers.list().flatMap((record) => record.volumes.map(({ name }) => name)),
  );
  const sizes = await mapBounded(volumes, atOnce, async ({ name }) => context.volumes.size(name));
  const sum = (wanted: (name: string) => boolean): number =>
    volumes.reduce((total, { name }, at) => total + (wanted(name) ? (sizes[at] ?? 0) : 0), 0);
  return {
    type: 'Local Volumes',
    total: volumes.length,
    active: volumes.filter(({ name }) => used.has(name)).length,
    sizeBytes: sum(() => true),
    reclaimableBytes: sum((name) => !used.has(name)),
  };
}
