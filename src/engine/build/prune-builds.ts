import { existsSync, readdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { randomBytes } from 'node:crypto';
import { removeTree } from '../../host/tree/remove-tree.js';
import { treeSize } from '../../storage/tree-size.js';
import type { EngineContext } from '../context.js';
import type { PruneResult } from '../contract.js';
import { cacheDirectory } from './steps/run-mounts.js';

/** Removes results of steps that no image has, and the directories of cache mounts unless a build runs. */
export async function pruneBuilds(context: EngineContext): Promise<PruneResult> {
  const { images, records, settings } = context;
  const inUse = records.containers.list().map(({ spec }) => spec.imageId);
  const { reclaimedBytes } = await images.collect(inUse, { onlySteps: true });
  const caches = cacheDirectory(settings.dataRoot);
  if (images.isBusy() || !existsSync(caches)) return { deleted: [], reclaimedBytes };
  const deleted = readdirSync(caches);
  let bytes = reclaimedBytes;
  for (const name of deleted) {
    const grave = join(settings.dataRoot, 'trash', `cache-${randomBytes(6).toString('hex')}`);
    renameSync(join(caches, name), grave);
    bytes += await treeSize(grave);
    await removeTree(grave);
  }
  return { deleted: deleted.map((name) => `cache ${name}`), reclaimedBytes: bytes };
}
