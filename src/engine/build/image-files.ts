import { errnoOf } from '../../base/errors.js';
import { resolveInRoot } from '../../host/tree/resolve-in-root.js';
import { openMergedView } from '../../storage/merged-view.js';
import type { Build, StageState } from './build-state.js';

/** Which of these paths (no leading slash) the state's layers have; links on the way are followed. */
export async function existingIn(
  { context }: Build,
  state: StageState,
  paths: readonly string[],
): Promise<ReadonlyMap<string, { readonly isDirectory: boolean }>> {
  const found = new Map<string, { readonly isDirectory: boolean }>();
  const layers = state.image?.layers ?? [];
  if (layers.length === 0) return found;
  const { dataRoot } = context.settings;
  await using view = await openMergedView({ dataRoot, host: context.host, layers });
  for (const path of paths) {
    try {
      const bytes = Buffer.from(path, 'utf8').toString('latin1');
      await using place = await resolveInRoot(view.root, bytes, { followLast: true });
      const stats = await place.parent.lstat(place.name);
      found.set(path, { isDirectory: stats.isDirectory() });
    } catch (error) {
      if (!['ENOENT', 'ENOTDIR'].includes(errnoOf(error) ?? '')) throw error;
    }
  }
  return found;
}

export async function isDirectoryIn(
  build: Build,
  state: StageState,
  path: string,
): Promise<boolean> {
  return (await existingIn(build, state, [path])).get(path)?.isDirectory === true;
}
