/**
 * The contract of the cgroup drivers (v1 incl. hybrid, v2).
 *
 * Words: a *hierarchy* is one mounted tree (index 0: the unified one); a *setup* is what a launch makes and
 * joins; *accounting* is held/maximum/limit/times-hit of one limit. Drivers decide; the plan acts at launch; live changes are
 * written through the host port at once.
 *
 *     const path = driver.place('warren', id, resources);      // at create; kept in the record
 *     const setup = driver.setup({ path, resources, … });      // at each start; into the plan
 *     driver.update({ path, resources: changed, … }, resources);
 *     const join = driver.joins(path);                         // of an exec
 */
import type { CgroupGroup } from '../host/port.js';
import type { DeviceRule, Resources } from '../model/resources.js';
import type { CgroupStats, LimitAccount } from '../model/stats.js';

export type { CgroupGroup } from '../host/port.js';

export interface CgroupWrite extends CgroupGroup {
  readonly file: string;
  readonly value: string;
}

/** Everything a launch needs to know; plain data for the plan compiler. */
export interface CgroupSetup {
  /** Parents included, top down; flag: whether the group is this container's own. */
  readonly make: readonly (CgroupGroup & { readonly own: boolean })[];
  /** What the cleanup removes: the own groups, and those that a live update may add (missing: nothing). */
  readonly remove: readonly CgroupGroup[];
  readonly writes: readonly CgroupWrite[];
  /** The unified group first. */
  readonly join: readonly CgroupGroup[];
  /** Whose the unified group is to be (the directory and its cgroup.procs, threads and subtree_control); null: root's. */
  readonly owner: {
    readonly group: CgroupGroup;
    readonly uid: number;
    readonly gid: number;
  } | null;
  /** cgroup v2 device filter: BPF instructions; null: none needed. */
  readonly deviceProgram: { readonly group: CgroupGroup; readonly program: Uint8Array } | null;
}

export interface CgroupRequest {
  /** What `place` gave: the container's path below each hierarchy's root. */
  readonly path: string;
  readonly resources: Resources;
  /** null: the container needs no device filter (own user namespace, shared /dev). */
  readonly devices: readonly DeviceRule[] | null;
  /** Hand the unified group to the container's root (host ids), for a guest systemd. */
  readonly owner: { readonly uid: number; readonly gid: number } | null;
}

export interface CgroupDriver {
  readonly version: 'v1' | 'hybrid' | 'v2';
  /**
   * Where a container lives for its whole life, live updates included: `warren/<id>`, or on v2 a
   * subtree with or without memory accounting, because a controller is enabled for all children of a group.
   */
  place(parent: string, id: string, resources: Resources): string;
  /**
   * Makes what containers share (the parents, with their controllers enabled) where it is missing, and says what
   * the launch does. Throws `unsupported` naming the limit that this kernel lacks, `invalidArgument` for impossible combinations.
   */
  setup(request: CgroupRequest): CgroupSetup;
  /** The groups that a further process of the running container joins, the unified one first. */
  joins(path: string): readonly CgroupGroup[];
  /**
   * Applies the difference to a running container; `request.resources` is the complete set after the update (a field that
   * is absent, or -1, or 0 for weights, is no limit). All or nothing: earlier values are put back when a write fails.
   */
  update(request: CgroupRequest, previous: Resources): void;
  stats(request: Pick<CgroupRequest, 'path' | 'resources'>): CgroupStats;
  limits(request: Pick<CgroupRequest, 'path' | 'resources'>): readonly LimitAccount[];
  /** Pids in the container's unified group (v1 hosts: of that too: it always exists). */
  processes(path: string): readonly number[];
  /** Containers' groups below the engine's parent, in every hierarchy, for the leak check. */
  found(parent: string): readonly CgroupGroup[];
  /** Removes empty groups with all below them. Throws conflict (CGROUP_BUSY) while processes are in one. */
  remove(groups: readonly CgroupGroup[]): void;
  /** Removes what containers shared below the parent, what keepers that were killed left, and the parent, as far as it is empty. */
  removeParent(parent: string): void;
}
