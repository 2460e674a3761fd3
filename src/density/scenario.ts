import type { EngineOptions } from '../engine/contract.js';
import type { ContainerConfig } from '../model/container-config.js';
import type { ControlResult } from './peers/raw-control.js';
import type { Latency, Throughput } from './figures.js';

/** One measurement: what is launched and how often it is used. */
export interface Scenario {
  /** Containers launched by one library call and alive at once. */
  readonly count: number;
  /** Commands executed in containers picked at random, one at a time. */
  readonly execs: number;
  /** Containers launched one at a time, by one call each. */
  readonly singles: number;
  /** Times that all containers are listed. */
  readonly lists: number;
  /** S of the manifest: 3 without own /dev/pts and /dev/shm, 5 with them. */
  readonly superblocks: 3 | 5;
  /** Without it nothing is compared. */
  readonly control: boolean;
  /** Of an own data root and run dir that nothing else uses. */
  readonly engine: Required<Pick<EngineOptions, 'dataRoot' | 'runDir' | 'cgroupParent'>>;
}

/** The containers of a scenario: default isolation, a memory, a pids and a CPU limit, an own network namespace. */
export function configOf({ superblocks }: Pick<Scenario, 'superblocks'>): ContainerConfig {
  return {
    image: 'tiny',
    command: ['pause'],
    resources: { memoryBytes: 64 * 1024 * 1024, pidsLimit: 64, cpus: 0.05 },
    ...(superblocks === 3 ? { pty: false, shmSizeBytes: 0 } : {}),
  };
}

export interface ControlFigures {
  readonly launch: ControlResult;
  readonly exec: ControlResult;
}

export interface LaunchFigures extends Throughput {
  readonly failed: number;
  /** From the first cgroup to exec, as the keeper's workers time each launch. */
  readonly each: Latency;
  /** Where that time goes. */
  readonly steps: Readonly<Record<string, Latency>>;
  /** CPU time of this process for a launch. */
  readonly nodeCpuMs: number;
  readonly memory: {
    /** Fall of MemAvailable for a container: kernel and user, all processes. */
    readonly bytesPerContainer: number;
    readonly keeperBytes: number;
    /** The keeper's growth for a container. */
    readonly keeperBytesPerContainer: number;
  };
}

export interface DensityReport {
  readonly scenario: Omit<Scenario, 'engine'>;
  readonly machine: {
    readonly kernel: string;
    readonly cpus: number;
    readonly memoryBytes: number;
    readonly loadBefore: number;
    readonly loadAfter: number;
    /** Kernel memory of one empty memory cgroup: the superblock mark. */
    readonly memoryCgroupBytes: number | null;
  };
  /** Before and after; null without control. */
  readonly control: { readonly before: ControlFigures; readonly after: ControlFigures } | null;
  readonly single: Latency;
  readonly launch: LaunchFigures;
  readonly list: {
    readonly listed: number;
    readonly library: Latency;
    readonly commandLine: Latency;
  };
  readonly exec: Latency & { readonly succeeded: number };
  readonly stats: Throughput;
  readonly kill: Throughput;
  /** From the first kill to the last container's cgroups, files and record being gone. */
  readonly reclaim: Throughput;
  /** What is left afterwards; empty when all is well. */
  readonly residue: readonly string[];
}
