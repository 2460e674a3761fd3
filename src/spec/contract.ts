/**
 * The contract of `spec/`: a container's record and what the other parts prepared become an OCI runtime spec
 * (the document external tools read), and that becomes a plan and a supervise section (docs/keeper-protocol.md).
 * Pure: no I/O, testable without root by looking at the plan.
 *
 *     const spec = runtimeSpec(input);            // OCI runtime-spec config.json
 *     const launch = compileLaunch(spec, input);  // bytes for the keeper
 *     const exec = compileExec(spec, input, execSpec);
 */
import type { ContainerRecord } from '../model/container.js';

/** Plain data from the siblings; same shape as cgroup/driver.ts's CgroupSetup. */
export interface CgroupPlan {
  readonly make: readonly {
    readonly hierarchy: number;
    readonly path: string;
    readonly own: boolean;
  }[];
  /** CGROUP_REMOVE of the cleanup phase; missing groups are fine. */
  readonly remove: readonly { readonly hierarchy: number; readonly path: string }[];
  readonly writes: readonly {
    readonly hierarchy: number;
    readonly path: string;
    readonly file: string;
    readonly value: string;
  }[];
  readonly join: readonly { readonly hierarchy: number; readonly path: string }[];
  readonly deviceProgram: {
    readonly group: { readonly hierarchy: number; readonly path: string };
    readonly program: Uint8Array;
  } | null;
}

/** A user and its groups, resolved by the engine in the image's passwd and group files. */
export interface ResolvedUser {
  readonly uid: number;
  readonly gid: number;
  readonly groups: readonly number[];
  readonly home: string;
}

export interface DeviceNode {
  readonly path: string;
  readonly kind: 'c' | 'b';
  readonly major: number;
  readonly minor: number;
  readonly mode: number;
}

export interface LaunchInput {
  readonly record: ContainerRecord;
  /** Of the root file system, store-relative, top first. @default record.layers */
  readonly layers?: readonly string[];
  readonly generation: number;
  readonly user: ResolvedUser;
  readonly cgroups: CgroupPlan;
  /** Absolute, for docs in the OCI spec. */
  readonly dataRoot: string;
  /** Store-relative; null with a volatile writable layer. */
  readonly writableLayer: { readonly upper: string; readonly work: string } | null;
  /** Extra device nodes of `--device`, already looked at on the host. */
  readonly devices: readonly DeviceNode[];
  /** Files bound over /etc: store-relative source, absolute target. */
  readonly etcFiles: readonly { readonly source: string; readonly target: string }[];
  readonly logPath: string;
  readonly facts: {
    readonly version: number;
    readonly lastCapability: number;
    readonly architecture: 'x64' | 'arm64';
    readonly cgroupVersion: 'v1' | 'hybrid' | 'v2';
  };
  readonly overlayStrategy: 'probe' | 'fd' | 'attached';
  /** Of the health probe, compiled with `compileExec` beforehand; null: none. */
  readonly healthPlan: Uint8Array | null;
  /** The keeper runs the reconcile process after the final exit. @default record.spec.autoRemove */
  readonly engineOnExit?: boolean;
}

export interface CompiledLaunch {
  readonly plan: Uint8Array;
  readonly supervise: Uint8Array;
}

export interface ExecSpec {
  readonly argv: readonly string[];
  readonly env: readonly string[];
  readonly workingDir: string;
  readonly user: ResolvedUser;
  readonly tty: boolean;
  readonly privileged: boolean;
}
