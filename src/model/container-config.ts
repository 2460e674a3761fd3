import type {
  EgressPolicy,
  ExposedPort,
  NetworkAttachment,
  NetworkRates,
  NetworkSettings,
  PortMapping,
} from './network/network.js';
import type { DeviceMapping, DeviceRule, Resources, Ulimit } from './resources.js';

export type Propagation = 'private' | 'rprivate' | 'slave' | 'rslave' | 'shared' | 'rshared';

export interface BindMount {
  readonly type: 'bind';
  /** Absolute host path. */
  readonly source: string;
  readonly target: string;
  /** @default false */
  readonly readOnly?: boolean;
  /** @default 'rprivate' */
  readonly propagation?: Propagation;
  /** Make a missing source directory (`-v`); `--mount` refuses a missing source. @default false */
  readonly createSource?: boolean;
  /** Id-mapped: ids on disk are seen as they are inside the container. @default false */
  readonly idmap?: boolean;
  /** Bind what is mounted below the source too. @default true */
  readonly recursive?: boolean;
}

export interface VolumeMount {
  readonly type: 'volume';
  /** Name of a volume; empty: an anonymous one, removed with the container by `rm --volumes` or `--rm`. */
  readonly source: string;
  readonly target: string;
  readonly readOnly?: boolean;
  /** Do not copy the image's content into an empty volume. @default false */
  readonly noCopy?: boolean;
}

export interface TmpfsMount {
  readonly type: 'tmpfs';
  readonly target: string;
  readonly readOnly?: boolean;
  /** @default half of the memory limit, else 64 MiB */
  readonly sizeBytes?: number;
  /** @default 0o1777 */
  readonly mode?: number;
  /** Owner of its root, as the container counts ids. @default 0 */
  readonly uid?: number;
  /** @default 0 */
  readonly gid?: number;
  /** @default true */
  readonly noexec?: boolean;
}

export type Mount = BindMount | VolumeMount | TmpfsMount;

export type RestartPolicyName = 'no' | 'on-failure' | 'always' | 'unless-stopped';

export interface RestartPolicy {
  readonly name: RestartPolicyName;
  /** Only for on-failure; 0: no bound. */
  readonly maximumRetryCount: number;
}

/** An exec probe. `test` is argv; through a shell when `shell` is set. */
export interface HealthCheck {
  readonly test: readonly string[];
  readonly shell: boolean;
  /** @default 30000 */
  readonly intervalMs: number;
  /** @default 30000 */
  readonly timeoutMs: number;
  /** @default 3 */
  readonly retries: number;
  /** @default 0 */
  readonly startPeriodMs: number;
  /** @default 5000 */
  readonly startIntervalMs: number;
}

/** `seccomp`: the built-in default, none, or an OCI seccomp profile as JSON text. */
export interface SecurityOptions {
  readonly seccomp: 'default' | 'unconfined' | { readonly profile: string };
  /** Undefined: on with the host's user namespace, off in an own one. */
  readonly noNewPrivileges?: boolean;
  /** Paths that are neither masked nor read-only (`systempaths=unconfined`). */
  readonly systemPathsUnconfined: boolean;
}

export interface LogConfig {
  /** `file`: pumped, rotated, with times. `none`: nothing. `raw`: the program writes the file itself (forgeable, not rotated). */
  readonly driver: 'file' | 'none' | 'raw';
  /** @default 10 MiB; 0: no rotation */
  readonly maxBytes: number;
  /** @default 3 */
  readonly maxFiles: number;
}

/** Times after which a container is ended by the keeper; undefined: never. */
export interface Lease {
  readonly ttlMs?: number;
  readonly idleTimeoutMs?: number;
  /** Ends when the connection that started it ends (`--die-with-parent`). */
  readonly dieWithOwner: boolean;
}

/** `container:ID` joins that container's namespaces, its user namespace included. */
export type NamespaceMode = 'private' | 'host' | `container:${string}`;
/** `none`: an own namespace with only `lo`; `host`; `container:ID`; else the name or id of a network. */
export type NetworkMode = string;

/**
 * What a user asks for: all but `image` is optional. `normalizeConfig` turns it into a
 * {@link ContainerSpec}; nothing downstream sees undefined by accident.
 */
export interface ContainerConfig {
  /** Image reference: `busybox`, `tiny:latest`, an id. */
  readonly image: string;
  /** Pull the image first: always, when it is missing, or never. @default 'never'; the command line's is 'missing' */
  readonly pull?: 'always' | 'missing' | 'never';
  /** Of the image: `linux/arm64`, for example. @default the host's */
  readonly platform?: string;
  /** @default generated (`brave_hopper`) */
  readonly name?: string;
  /** Arguments; replaces the image's Cmd. */
  readonly command?: readonly string[];
  /** Replaces the image's Entrypoint; an empty list clears it. */
  readonly entrypoint?: readonly string[];
  /** `NAME=value`, added to the image's. A bare `NAME` removes it. */
  readonly env?: readonly string[] | Readonly<Record<string, string>>;
  readonly workingDir?: string;
  /** `user[:group]`, names or numbers. */
  readonly user?: string;
  readonly groupAdd?: readonly string[];
  /** @default first 12 characters of the id */
  readonly hostname?: string;
  readonly domainname?: string;
  readonly extraHosts?: readonly string[];
  /** @default false */
  readonly tty?: boolean;
  /** Keep stdin open. @default false */
  readonly stdinOpen?: boolean;
  /** Close stdin when the first client that was attached to it ends. @default false */
  readonly stdinOnce?: boolean;
  readonly labels?: Readonly<Record<string, string>>;
  readonly resources?: Resources;
  readonly ulimits?: readonly Ulimit[];
  readonly devices?: readonly DeviceMapping[];
  readonly deviceRules?: readonly DeviceRule[];
  readonly mounts?: readonly Mount[];
  /** Containers whose binds and volumes it mounts too: `NAME`, `NAME:ro`. */
  readonly volumesFrom?: readonly string[];
  /** @default 64 MiB; 0: no /dev/shm */
  readonly shmSizeBytes?: number;
  /** An own devpts. @default true */
  readonly pty?: boolean;
  /** `none`: an own namespace with only `lo`; else a network's name. @default that of `networks`, else the engine's: 'default' */
  readonly network?: NetworkMode;
  /** Networks and what is asked of them, the default route's first. */
  readonly networks?: readonly NetworkAttachment[];
  /** Ports that answer on the host. */
  readonly publish?: readonly PortMapping[];
  /** Every exposed port on a free port of the host. @default false */
  readonly publishAll?: boolean;
  /** Added to the image's. */
  readonly expose?: readonly ExposedPort[];
  /** Name servers. @default the engine's resolver, or the host's */
  readonly dns?: readonly string[];
  readonly dnsSearch?: readonly string[];
  readonly dnsOptions?: readonly string[];
  /** @default no limits */
  readonly netRates?: Partial<NetworkRates>;
  /** @default everything is allowed */
  readonly egress?: EgressPolicy;
  /** @default 'private' */
  readonly userns?: 'private' | 'host';
  /** @default 'private' */
  readonly pid?: NamespaceMode;
  /** @default 'private' */
  readonly ipc?: NamespaceMode | 'none' | 'shareable';
  /** @default 'private' */
  readonly uts?: 'private' | 'host';
  /** @default 'private' */
  readonly cgroupns?: 'private' | 'host';
  /** Names without `CAP_`, or `ALL`. */
  readonly capAdd?: readonly string[];
  readonly capDrop?: readonly string[];
  /** @default false */
  readonly privileged?: boolean;
  readonly security?: Partial<SecurityOptions>;
  /** Root file system read-only. @default false */
  readonly readOnly?: boolean;
  /** Writable layer in memory, lost when the container stops; the number is its size. @default false */
  readonly volatile?: boolean;
  /** @default 512 MiB */
  readonly volatileSizeBytes?: number;
  /** `own`: mount a real sysfs of the container's network namespace. @default 'shared' */
  readonly sysfs?: 'shared' | 'own';
  /** Run warren-init as PID 1. @default false */
  readonly init?: boolean;
  /**
   * Prepare the container for systemd as PID 1: its own cgroup is writable, `/run`, `/run/lock` and `/tmp` are tmpfs, the stop
   * signal is SIGRTMIN+3. `true`: when the command is systemd or an init (`isServiceManager`); `'always'`: whatever it is.
   * @default true
   */
  readonly systemd?: boolean | 'always';
  readonly sysctls?: Readonly<Record<string, string>>;
  readonly oomScoreAdj?: number;
  /** Signal name or number. @default the image's, else SIGTERM */
  readonly stopSignal?: string;
  /** @default 10000 */
  readonly stopTimeoutMs?: number;
  readonly restart?: Partial<RestartPolicy>;
  /** false: switch the image's check off. */
  readonly health?: Partial<HealthCheck> | false;
  readonly lease?: Partial<Lease>;
  readonly log?: Partial<LogConfig>;
  /** Remove the container, and its anonymous volumes, when it exits. @default false */
  readonly autoRemove?: boolean;
  /** Cgroup parent. @default the engine's */
  readonly cgroupParent?: string;
}

/** A config after defaults, the image's config and validation: complete, frozen, stored. */
export interface ContainerSpec {
  /** As the user wrote it. */
  readonly image: string;
  /** `sha256:…` of the image's config. */
  readonly imageId: string;
  readonly entrypoint: readonly string[];
  readonly command: readonly string[];
  /** `NAME=value`, complete but for HOME and HOSTNAME, which are added at start. */
  readonly env: readonly string[];
  readonly workingDir: string;
  readonly user: string;
  readonly groupAdd: readonly string[];
  /** Empty: the first 12 characters of the id (a spec is shared by a whole batch). */
  readonly hostname: string;
  readonly domainname: string;
  readonly extraHosts: readonly string[];
  readonly tty: boolean;
  readonly stdinOpen: boolean;
  readonly stdinOnce: boolean;
  readonly labels: Readonly<Record<string, string>>;
  readonly resources: Resources;
  readonly ulimits: readonly Ulimit[];
  readonly devices: readonly DeviceMapping[];
  readonly deviceRules: readonly DeviceRule[];
  readonly mounts: readonly Mount[];
  readonly shmSizeBytes: number;
  readonly pty: boolean;
  readonly network: NetworkMode;
  readonly networking: NetworkSettings;
  readonly userns: 'private' | 'host';
  readonly pid: NamespaceMode;
  readonly ipc: NamespaceMode | 'none' | 'shareable';
  readonly uts: 'private' | 'host';
  readonly cgroupns: 'private' | 'host';
  readonly capAdd: readonly string[];
  readonly capDrop: readonly string[];
  readonly privileged: boolean;
  readonly security: SecurityOptions;
  readonly readOnly: boolean;
  /** 0: on disk. */
  readonly volatileSizeBytes: number;
  readonly sysfs: 'shared' | 'own';
  readonly init: boolean;
  /** Decided: prepared for systemd as PID 1. */
  readonly systemd: boolean;
  readonly sysctls: Readonly<Record<string, string>>;
  /** 0: unchanged. */
  readonly oomScoreAdj: number;
  /** Signal number. */
  readonly stopSignal: number;
  readonly stopTimeoutMs: number;
  readonly restart: RestartPolicy;
  readonly health: HealthCheck | null;
  readonly lease: Lease;
  readonly log: LogConfig;
  readonly autoRemove: boolean;
  /** Empty: the engine's. */
  readonly cgroupParent: string;
}
