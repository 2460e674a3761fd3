import { join } from 'node:path';
import { MergedTree } from '../launch/merged-tree.js';
import { resolveUser } from '../launch/user-database.js';
import type { Build, StageState } from './build-state.js';

export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

const maximumFileBytes = 1024 * 1024;

/**
 * `user[:group]`, names as the image has them. A user without a group has the group of the same number.
 * Throws invalidArgument (NO_SUCH_USER, NO_SUCH_GROUP).
 */
export function ownerOf({ context }: Build, state: StageState, text: string): Owner {
  const layers = (state.image?.layers ?? []).map((layer) => join(context.settings.dataRoot, layer));
  using tree = new MergedTree(layers);
  const read = (path: string): string => tree.read(path, maximumFileBytes)?.toString('utf8') ?? '';
  const database = { passwd: read('/etc/passwd'), group: read('/etc/group') };
  const wanted = /^\d+$/.test(text) ? `${text}:${text}` : text;
  const { uid, gid } = resolveUser(database, wanted, []);
  return { uid, gid };
}
