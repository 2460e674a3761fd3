import type { ContainerSpec, Mount } from '../../model/container-config.js';
import { maskedPaths, readonlyPaths } from '../../spec/system-paths.js';
import type { DeviceRate, Resources, Ulimit } from '../../model/resources.js';

function rates(list: readonly DeviceRate[] | undefined): object[] {
  return (list ?? []).map(({ device, rate }) => ({ Path: device, Rate: rate }));
}

/** The limits as Docker's HostConfig has them: 0 where there is none. */
function resourceFields(resources: Resources): object {
  return {
    Memory: resources.memoryBytes ?? 0,
    MemoryReservation: resources.memoryReservationBytes ?? 0,
    MemorySwap: resources.memorySwapBytes ?? 2 * Math.max(resources.memoryBytes ?? 0, 0),
    MemorySwappiness: resources.memorySwappiness ?? null,
    OomKillDisable: resources.oomKillDisable ?? false,
    PidsLimit: resources.pidsLimit ?? null,
    NanoCpus: Math.round((resources.cpus ?? 0) * 1e9),
    CpuPeriod: resources.cpuPeriodUs ?? 0,
    CpuQuota: resources.cpuQuotaUs ?? 0,
    CpuShares: resources.cpuShares ?? 0,
    CpuRealtimePeriod: resources.cpuRealtimePeriodUs ?? 0,
    CpuRealtimeRuntime: resources.cpuRealtimeRuntimeUs ?? 0,
    CpusetCpus: resources.cpusetCpus ?? '',
    CpusetMems: resources.cpusetMems ?? '',
    BlkioWeight: resources.blkioWeight ?? 0,
    BlkioWeightDevice: (resources.blkioWeightDevice ?? []).map(({ device, weight }) => ({
      Path: device,
      Weight: weight,
    })),
    BlkioDeviceReadBps: rates(resources.blkioReadBps),
    BlkioDeviceWriteBps: rates(resources.blkioWriteBps),
    BlkioDeviceReadIOps: rates(resources.blkioReadIops),
    BlkioDeviceWriteIOps: rates(resources.blkioWriteIops),
  };
}

function ulimit({ name, soft, hard }: Ulimit): object {
  return { Name: name, Soft: soft, Hard: hard };
}

function tmpfsOptions(mounts: readonly Mount[]): Readonly<Record<string, string>> {
  const options: Record<string, string> = {};
  for (const mount of mounts) {
    if (mount.type !== 'tmpfs') continue;
    const words = [mount.readOnly === true ? 'ro' : 'rw'];
    if (mount.noexec !== false) words.push('noexec');
    if (mount.sizeBytes !== undefined) words.push(`size=${mount.sizeBytes}`);
    if (mount.mode !== undefined) words.push(`mode=${mount.mode.toString(8)}`);
    if (mount.uid !== undefined) words.push(`uid=${mount.uid}`);
    if (mount.gid !== undefined) words.push(`gid=${mount.gid}`);
    options[mount.target] = words.join(',');
  }
  return options;
}

function binds(mounts: readonly Mount[]): string[] {
  return mounts
    .filter((mount) => mount.type !== 'tmpfs')
    .filter(({ source }) => source !== '')
    .map(({ source, target, readOnly }) => `${source}:${target}${readOnly === true ? ':ro' : ''}`);
}

function securityOptions(spec: ContainerSpec): string[] {
  const { seccomp, noNewPrivileges, systemPathsUnconfined } = spec.security;
  const options: string[] = [];
  if (noNewPrivileges === true) options.push('no-new-privileges');
  if (seccomp === 'unconfined') options.push('seccomp=unconfined');
  else if (seccomp !== 'default') options.push(`seccomp=${seccomp.profile}`);
  if (systemPathsUnconfined) options.push('systempaths=unconfined');
  return options;
}

function namespaceFields(spec: ContainerSpec): object {
  const orEmpty = (mode: string): string => (mode === 'private' ? '' : mode);
  return {
    NetworkMode: spec.network,
    PidMode: orEmpty(spec.pid),
    IpcMode: spec.ipc,
    UTSMode: orEmpty(spec.uts),
    UsernsMode: orEmpty(spec.userns),
    CgroupnsMode: spec.cgroupns,
    CgroupParent: spec.cgroupParent,
  };
}

/** Fields of what Warren has not: clients read them. */
const withoutMeaning = {
  ContainerIDFile: '',
  ConsoleSize: [0, 0],
  VolumeDriver: '',
  VolumesFrom: null,
  Annotations: null,
  Cgroup: '',
  StorageOpt: null,
  Isolation: '',
  Runtime: 'warren',
  CpuCount: 0,
  CpuPercent: 0,
  IOMaximumIOps: 0,
  IOMaximumBandwidth: 0,
} as const;

function links({ networking }: ContainerSpec): string[] | null {
  const all = networking.attachments.flatMap((attachment) => attachment.links ?? []);
  return all.length === 0 ? null : all.map(({ container, alias }) => `${container}:${alias}`);
}

function portBindings({ networking }: ContainerSpec): object {
  const bindings: Record<string, object[]> = {};
  for (const { containerPort, protocol, hostIp, hostPort, hostPortEnd } of networking.publish) {
    const key = `${containerPort}/${protocol}`;
    const range = hostPortEnd > hostPort ? `${hostPort}-${hostPortEnd}` : String(hostPort);
    const HostPort = hostPort === 0 ? '' : range;
    bindings[key] = [...(bindings[key] ?? []), { HostIp: hostIp, HostPort }];
  }
  return bindings;
}

/** `HostConfig` of Docker's inspect, and under `Warren` what only Warren has. */
export function hostConfig(spec: ContainerSpec): object {
  const confined = !spec.security.systemPathsUnconfined;
  return {
    ...withoutMeaning,
    Links: links(spec),
    MaskedPaths: confined ? maskedPaths : [],
    ReadonlyPaths: confined ? readonlyPaths : [],
    Binds: binds(spec.mounts),
    Tmpfs: tmpfsOptions(spec.mounts),
    ...namespaceFields(spec),
    ...resourceFields(spec.resources),
    AutoRemove: spec.autoRemove,
    CapAdd: spec.capAdd,
    CapDrop: spec.capDrop,
    Devices: spec.devices.map(({ hostPath, containerPath, permissions }) => ({
      PathOnHost: hostPath,
      PathInContainer: containerPath,
      CgroupPermissions: permissions,
    })),
    DeviceCgroupRules: spec.deviceRules.map(({ type, major, minor, permissions }) => {
      const number = (value: number): string => (value < 0 ? '*' : String(value));
      return `${type} ${number(major)}:${number(minor)} ${permissions}`;
    }),
    ExtraHosts: spec.extraHosts,
    GroupAdd: spec.groupAdd,
    Init: spec.init,
    LogConfig: {
      Type: spec.log.driver,
      Config: { 'max-size': String(spec.log.maxBytes), 'max-file': String(spec.log.maxFiles) },
    },
    OomScoreAdj: spec.oomScoreAdj,
    Dns: spec.networking.dns,
    DnsSearch: spec.networking.dnsSearch,
    DnsOptions: spec.networking.dnsOptions,
    PublishAllPorts: spec.networking.publishAll,
    PortBindings: portBindings(spec),
    Privileged: spec.privileged,
    ReadonlyRootfs: spec.readOnly,
    RestartPolicy: { Name: spec.restart.name, MaximumRetryCount: spec.restart.maximumRetryCount },
    SecurityOpt: securityOptions(spec),
    ShmSize: spec.shmSizeBytes,
    Sysctls: spec.sysctls,
    Ulimits: spec.ulimits.map(ulimit),
    Warren: {
      NetworkRates: spec.networking.rates,
      Egress: { policy: spec.networking.egress.policy, allow: spec.networking.egress.allow },
      Lease: {
        TtlMs: spec.lease.ttlMs ?? 0,
        IdleTimeoutMs: spec.lease.idleTimeoutMs ?? 0,
        DieWithOwner: spec.lease.dieWithOwner,
      },
      VolatileSize: spec.volatileSizeBytes,
      Sysfs: spec.sysfs,
      Pty: spec.pty,
      Systemd: spec.systemd,
    },
  };
}
