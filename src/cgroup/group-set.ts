import type { CgroupFiles, CgroupGroup } from '../host/port.js';
import type { Resources } from '../model/resources.js';
import { limitControllers, type ControllerMap, type LimitController } from './controllers.js';
import type { CgroupWrite } from './driver.js';
import { prepareParent } from './parents.js';
import { isContainersGroup, parentOf } from './placement.js';
import type { Setting } from './settings/setting.js';
import { controllersOf, translate } from './settings/translate.js';

export interface GroupSetOptions {
  readonly files: CgroupFiles;
  readonly controllers: ControllerMap;
  readonly keeperParent?: string;
  readonly deviceNumber: (device: string) => string;
  /** Monotonic, in ms. @default performance.now */
  readonly now?: () => number;
}

/**
 * How long a parent is trusted to be as it was found. Looking takes as long as a tenth of a launch; only
 * another engine's shutdown takes a parent away.
 */
const trustMs = 1000;

interface ReadyParent {
  readonly controllers: ReadonlySet<LimitController>;
  readonly untilMs: number;
}

interface Prepared {
  readonly parent: ReadyParent;
  readonly settings: readonly Setting[];
}

/** v1 controllers whose charges must not fall on the keeper, from whose groups a container starts. */
const alwaysShared: readonly LimitController[] = ['memory', 'cpu'];

/**
 * Knows which groups a container has. In the unified hierarchy that is always `path`. In a v1 hierarchy
 * it is `path` when a limit needs it. Otherwise the container is in its parent's group (`parentOf(path)`),
 * or stays with the keeper, whose own group lies below the same parent and so under the same limits.
 */
export class GroupSet {
  readonly files: CgroupFiles;
  readonly controllers: ControllerMap;
  readonly #keeperParent: string;
  readonly #deviceNumber: (device: string) => string;
  /** Files that groups have or lack; the kernel does not change its mind. */
  readonly #fileExists = new Map<string, boolean>();
  readonly #readyParents = new Map<string, ReadyParent>();
  /** A batch asks for the same limits below the same parent thousands of times. */
  readonly #prepared = new WeakMap<Resources, Prepared>();
  readonly #now: () => number;

  constructor(options: GroupSetOptions) {
    this.files = options.files;
    this.controllers = options.controllers;
    this.#keeperParent = options.keeperParent ?? 'warren';
    this.#deviceNumber = options.deviceNumber;
    this.#now = options.now ?? (() => performance.now());
  }

  /** Makes the parent ready and translates the resources; throws unsupported for what the host lacks. */
  prepare(path: string, resources: Resources): readonly Setting[] {
    const parent = parentOf(path);
    const known = this.#prepared.get(resources);
    if (known !== undefined && known.parent === this.#trusted(parent)) return known.settings;
    // First without looking at files: they exist only once the parent has its controllers.
    const wanted = this.#translate(resources, () => true);
    const ready = this.#prepareParent(parent, controllersOf(wanted));
    const settings = this.translateAgain(path, resources);
    this.#prepared.set(resources, { parent: ready, settings });
    return settings;
  }

  /** The same without making anything: for limits that were set before. */
  translateAgain(path: string, resources: Resources): Setting[] {
    const parent = parentOf(path);
    return this.#translate(resources, (controller, file) =>
      this.#hasFile(controller, file, parent),
    );
  }

  groupOf(controller: LimitController, path: string): CgroupGroup {
    return { hierarchy: this.controllers.get(controller)?.hierarchy ?? 0, path };
  }

  /** The groups that the settings need, the unified one first. */
  ownGroups(path: string, settings: readonly Setting[]): CgroupGroup[] {
    const needed = [...controllersOf(settings)].map((controller) => this.groupOf(controller, path));
    const hierarchies = new Set([0, ...needed.map(({ hierarchy }) => hierarchy)]);
    return [...hierarchies].map((hierarchy) => ({ hierarchy, path }));
  }

  /** The groups that the container may have in its life: given ones and those of later limits. */
  possibleGroups(path: string, given: readonly CgroupGroup[]): CgroupGroup[] {
    const hierarchies = [
      0,
      ...given.map(({ hierarchy }) => hierarchy),
      ...limitControllers.map((controller) => this.groupOf(controller, path).hierarchy),
    ];
    return [...new Set(hierarchies)].map((hierarchy) => ({ hierarchy, path }));
  }

  /** The v1 group of the device filter; none on v2. */
  deviceGroups(path: string): CgroupGroup[] {
    const location = this.controllers.get('devices');
    return location?.version === 1 ? [{ hierarchy: location.hierarchy, path }] : [];
  }

  /** Own groups, and the parent's where the container has none. */
  joins(path: string, own: readonly CgroupGroup[]): CgroupGroup[] {
    const parent = parentOf(path);
    const shared = this.#sharedHierarchies(parent)
      .filter((hierarchy) => !own.some((group) => group.hierarchy === hierarchy))
      .map((hierarchy) => ({ hierarchy, path: parent }));
    return [...own, ...shared];
  }

  /** Groups were removed: parents are looked at again. */
  forgetParents(): void {
    this.#readyParents.clear();
  }

  exists(group: CgroupGroup): boolean {
    return this.files.exists(group);
  }

  /**
   * What a plan writes to new groups: on v1 a cpuset must be filled before anything enters it. What stands for "no limit" is
   * there already; for a period of CPU time the kernel of v1 would look at every group of the machine.
   */
  writes(path: string, settings: readonly Setting[]): CgroupWrite[] {
    return [
      ...this.#cpusetWrites(path, settings),
      ...settings
        .filter(({ value, reset }) => value !== reset)
        .map(({ controller, file, value }) => ({
          ...this.groupOf(controller, path),
          file,
          value,
        })),
    ];
  }

  /** The value that stands for "no limit" in a group below the parent. */
  resetOf(path: string, setting: Setting): string {
    if (setting.reset !== null) return setting.reset;
    const parent = this.groupOf(setting.controller, parentOf(path));
    return this.files.read(parent, setting.parentFile ?? setting.file) ?? '';
  }

  #trusted(parent: string): ReadyParent | undefined {
    const ready = this.#readyParents.get(parent);
    return ready !== undefined && this.#now() < ready.untilMs ? ready : undefined;
  }

  #prepareParent(path: string, needed: ReadonlySet<LimitController>): ReadyParent {
    const trusted = this.#trusted(path);
    if (trusted !== undefined && [...needed].every((name) => trusted.controllers.has(name))) {
      return trusted;
    }
    const sharedHierarchies = this.#sharedHierarchies(path);
    prepareParent(this.files, this.controllers, { path, needed, sharedHierarchies });
    const controllers = new Set([...(trusted?.controllers ?? []), ...needed]);
    const ready = { controllers, untilMs: this.#now() + trustMs };
    this.#readyParents.set(path, ready);
    return ready;
  }

  #translate(
    resources: Resources,
    has: (controller: LimitController, file: string) => boolean,
  ): Setting[] {
    const deviceNumber = this.#deviceNumber;
    return translate({ controllers: this.controllers, resources, has, deviceNumber });
  }

  #hasFile(controller: LimitController, file: string, parent: string): boolean {
    // The root's group lacks the files of limits; what is below it is made by the launch.
    if (parent === '') return true;
    const known = this.#fileExists.get(file);
    if (known !== undefined) return known;
    const exists = this.files.read(this.groupOf(controller, parent), file) !== null;
    this.#fileExists.set(file, exists);
    return exists;
  }

  #sharedHierarchies(parent: string): number[] {
    const beside = parent === this.#keeperParent || isContainersGroup(this.#keeperParent, parent);
    const shared = beside ? alwaysShared : limitControllers;
    const locations = shared.map((controller) => this.controllers.get(controller));
    return [
      ...new Set(
        locations.flatMap((location) => (location?.version === 1 ? location.hierarchy : [])),
      ),
    ];
  }

  #cpusetWrites(path: string, settings: readonly Setting[]): CgroupWrite[] {
    const location = this.controllers.get('cpuset');
    if (location?.version !== 1) return [];
    // A controller that is mounted together with cpuset brings it along.
    if (
      !settings.some(
        ({ controller }) => this.groupOf(controller, path).hierarchy === location.hierarchy,
      )
    ) {
      return [];
    }
    const parent = { hierarchy: location.hierarchy, path: parentOf(path) };
    return ['cpuset.cpus', 'cpuset.mems']
      .filter((file) => !settings.some((setting) => setting.file === file))
      .map((file) => ({
        hierarchy: location.hierarchy,
        path,
        file,
        value: this.files.read(parent, file) ?? '',
      }));
  }
}
