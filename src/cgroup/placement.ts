import { createHash } from 'node:crypto';
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
 * `<parent>` is `containers-<instance>-<digest of the run dir>` of the keeper that launches it, beside the keeper's own leaf, unless
 * the user chose another one: so all containers of a keeper can be killed by one write, and nobody else's, also where engines
 * were given the same parent.
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

const digestLength = 8;

/** The group of all that a keeper of the run dir launches, and of nothing else; the keeper knows it by the beginning of its name. */
export function containersGroup(
  keeperParent: string,
  { instance, runDir }: { readonly instance: number; readonly runDir: string },
): string {
  const digest = createHash('sha256').update(runDir).digest('hex').slice(0, digestLength);
  return [keeperParent, `containers-${instance}-${digest}`].filter(Boolean).join('/');
}

/** The group above; '' for one at the top. */
export function parentOf(path: string): string {
  return path.split('/').slice(0, -1).join('/');
}

/** The groups of keepers' containers below `parent`. */
function groupsOfKeepers(files: CgroupFiles, parent: CgroupGroup): CgroupGroup[] {
  return files
    .children(parent)
    .filter(holdsContainers)
    .map((name) => ({ ...parent, path: [parent.path, name].filter(Boolean).join('/') }));
}

/** Groups below `parent` that hold containers' groups, in one hierarchy of v2. */
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
    const top = { hierarchy, path: parent };
    const parents = [...groupsOfKeepers(files, top), top];
    const holders = onV2(controllers) ? parents.flatMap((each) => shelves(files, each)) : parents;
    return holders.flatMap((holder) =>
      files
        .children(holder)
        .filter((name) => !isKeepersGroup(name) && !holdsContainers(name))
        .map((name) => ({ hierarchy, path: [holder.path, name].filter(Boolean).join('/') })),
    );
  });
}

/** The leaf in which a keeper keeps itself: `keeper`, or with a number. */
function isKeepersGroup(name: string): boolean {
  return /^keeper(-[0-9]+)?$/.test(name);
}

function holdsContainers(name: string): boolean {
  return /^containers-[0-9]+-[0-9a-f]{8}$/.test(name);
}

/** Whether `path` is the group of a keeper's containers, below the parent of keepers. */
export function isContainersGroup(keeperParent: string, path: string): boolean {
  return parentOf(path) === keeperParent && holdsContainers(path.split('/').at(-1) ?? '');
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
    const parents = [...groupsOfKeepers(files, top), top];
    if (!onV2(controllers)) return [...keepers, ...parents];
    const shelved = parents.flatMap((parent) => [
      ...shelves(files, parent),
      { hierarchy, path: [parent.path, sharedGroup].filter(Boolean).join('/') },
      parent,
    ]);
    return [...keepers, ...shelved];
  });
}
