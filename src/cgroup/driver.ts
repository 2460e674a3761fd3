/**
 * The contract of the cgroup drivers (v1 incl. hybrid, v2).
 *
 * Words: a *hierarchy* is one mounted tree (index 0: the unified one); a *setup* is what a launch makes and
 * joins; *accounting* is held/maximum/limit/times-hit of one limit. Drivers decide; the plan acts at launch; live changes are
 * written through the host port at once.
 */
import type { DeviceRule, Resources } from '../model/resources.js';
import type { CgroupStats, LimitAccount } from '../model/stats.js';

export interface CgroupGroup {
  readonly hierarchy: number;
  /** Below the hierarchy's root, without a leading slash. */
  readonly path: string;
}

export interface CgroupWrite extends CgroupGroup {
  readonly file: string;
  readonly value: string;
}

/** Everything a launch needs to know; plain data for the plan compiler. */
export interface CgroupSetup {
  /** Parents included, top down; flag: whether the group is this container's own (removed at its end). */
  readonly make: readonly (CgroupGroup & { readonly own: boolean })[];
  readonly writes: readonly CgroupWrite[];
  /** The unified group first. */
  readonly join: readonly CgroupGroup[];
  /** cgroup v2 device filter: BPF instructions; null: none needed. */
  readonly deviceProgram: { readonly group: CgroupGroup; readonly program: Uint8Array } | null;
}

export interface CgroupRequest {
  /** `warren/<id>`: the container's path below its parent. */
  readonly path: string;
  readonly resources: Resources;
  /** null: the container needs no device filter (own user namespace, shared /dev). */
  readonly devices: readonly DeviceRule[] | null;
  /** Hand the unified group to the container's root (host ids), for a guest systemd. */
  readonly owner: { readonly uid: number; readonly gid: number } | null;
}

export interface CgroupDriver {
  readonly version: 'v1' | 'hybrid' | 'v2';
  /** Throws `unsupported` naming the limit that this kernel lacks, `invalidArgument` for impossible combinations. */
  setup(request: CgroupRequest): CgroupSetup;
  /** Applies the difference to a running container. All or nothing: earlier values are put back when a write fails. */
  update(request: CgroupRequest, previous: Resources): void;
  stats(request: Pick<CgroupRequest, 'path' | 'resources'>): CgroupStats;
  limits(request: Pick<CgroupRequest, 'path' | 'resources'>): readonly LimitAccount[];
  /** Pids in the container's unified group (v1 hosts: of that too: it always exists). */
  processes(path: string): readonly number[];
  /** Groups below the engine's parent, for the leak check: ids found per hierarchy. */
  found(parent: string): readonly CgroupGroup[];
  remove(groups: readonly CgroupGroup[]): void;
}
