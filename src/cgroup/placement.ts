import { canonicalResources } from './settings/canonical.js';
import type { CgroupFiles, CgroupGroup } from '../host/port.js';
import type { Resources } from '../model/resources.js';
import type { ControllerMap } from './controllers.js';

/**
 * Where containers live below their parent.
 *
 * On v1, and on hybrid hosts whose memory controller is there: `<parent>/<id>` in each hierarchy that
 * the container needs. On v2 a controller is enabled for all children of a group at once, and a memory
 * cgroup is dear (with the I/O controller, which brings one along: 20 KB instead of 9 KB for an idle
 * group on 6.12, and 16 bytes more for each superblock of the machine). So there are two subtrees:
 *
 *     <parent>/limited/<id>              with memory and I/O accounting
 *     <parent>/shared/<00 to 3f>/<id>    without; they are charged to <parent>/shared together
 *
 * A container stays where it is. When an update gives a container of `shared` a memory limit, the
 * controller is enabled for the sixty-fourth part of them that lives beside it.
 */
const limitedGroup = 'limited';
const sharedGroup = 'shared';
const sharedParts = 64;

/** FNV-1a, 32 bits. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (const byte of Buffer.from(text)) value = Math.imul(value ^ byte, 0x01000193);
  return value >>> 0;
}

const memoryFields: readonly (keyof Resources)[] = [
  'memoryBytes',
  'memoryReservationBytes',
  'memorySwapBytes',
  'memoryHighBytes',
  'memoryMinBytes',
  'oomGroup',
  'blkioWeight',
  'blkioWeightDevice',
  'blkioReadBps',
  'blkioWriteBps',
  'blkioReadIops',
  'blkioWriteIops',
];

function onV2(controllers: ControllerMap): boolean {
  return controllers.get('memory')?.version === 2;
}

export interface PlaceRequest {
  readonly parent: string;
  readonly id: string;
  readonly resources: Resources;
}

/** The path of a container's groups below each hierarchy's root. */
export function place(controllers: ControllerMap, request: PlaceRequest): string {
  const { parent, id, resources } = request;
  const below = (...parts: string[]): string => [parent, ...parts].filter(Boolean).join('/');
  if (!onV2(controllers)) return below(id);
  const limits = canonicalResources(resources);
  if (memoryFields.some((field) => limits[field] !== undefined)) return below(limitedGroup, id);
  const part = (hash(id) % sharedParts).toString(16).padStart(2, '0');
  return below(sharedGroup, part, id);
}

/** The group above; '' for one at the top. */
export function parentOf(path: string): string {
  return path.split('/').slice(0, -1).join('/');
}

/** Groups below `parent` that hold containers' groups, in one hierarchy. */
function shelves(files: CgroupFiles, parent: CgroupGroup): CgroupGroup[] {
  const at = (...parts: string[]): CgroupGroup => ({
    hierarchy: parent.hierarchy,
    path: [parent.path, ...parts].filter(Boolean).join('/'),
  });
  const parts = files.children(at(sharedGroup)).map((part) => at(sharedGroup, part));
  return [at(limitedGroup), ...parts];
}

/** Every hierarchy that holds groups of containers. */
export function usedHierarchies(controllers: ControllerMap): number[] {
  return [...new Set([0, ...[...controllers.values()].map(({ hierarchy }) => hierarchy)])];
}

/** Groups of containers below the parent, in every hierarchy; the keeper's own are not among them. */
export function foundGroups(
  files: CgroupFiles,
  controllers: ControllerMap,
  parent: string,
): CgroupGroup[] {
  return usedHierarchies(controllers).flatMap((hierarchy) => {
    const holders = onV2(controllers)
      ? shelves(files, { hierarchy, path: parent })
      : [{ hierarchy, path: parent }];
    return holders.flatMap((holder) =>
      files
        .children(holder)
        .filter((name) => !isKeepersGroup(name))
        .map((name) => ({ hierarchy, path: [holder.path, name].filter(Boolean).join('/') })),
    );
  });
}

/** The leaf in which a keeper keeps itself: `keeper`, or with a number. */
function isKeepersGroup(name: string): boolean {
  return /^keeper(-[0-9]+)?$/.test(name);
}

/** Groups that containers and keepers share below the parent, deepest first, and the parent itself, in every hierarchy. */
export function sharedGroups(
  files: CgroupFiles,
  controllers: ControllerMap,
  parent: string,
): CgroupGroup[] {
  return files.hierarchies.flatMap(({ index: hierarchy }) => {
    const top = { hierarchy, path: parent };
    const below = (name: string): CgroupGroup => ({
      hierarchy,
      path: [parent, name].filter(Boolean).join('/'),
    });
    const keepers = files.children(top).filter(isKeepersGroup).map(below);
    if (!onV2(controllers)) return [...keepers, top];
    return [...keepers, ...shelves(files, top), below(sharedGroup), top];
  });
}
