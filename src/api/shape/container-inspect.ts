import type { ContainerInspection } from '../../engine/contract.js';
import type { ContainerRecord } from '../../model/container.js';
import type { ContainerSpec, HealthCheck, Mount } from '../../model/container-config.js';
import { signalName } from '../../model/signals.js';
import { containerState } from './container-state.js';
import { hostConfig } from './host-config.js';
import { dockerTime } from './time.js';

const nanosecondsPerMs = 1e6;

/** Docker's Healthcheck: `Test` starts with CMD or CMD-SHELL, times are in nanoseconds. */
export function healthcheck(health: HealthCheck): object {
  return {
    Test: [health.shell ? 'CMD-SHELL' : 'CMD', ...health.test],
    Interval: health.intervalMs * nanosecondsPerMs,
    Timeout: health.timeoutMs * nanosecondsPerMs,
    Retries: health.retries,
    StartPeriod: health.startPeriodMs * nanosecondsPerMs,
    StartInterval: health.startIntervalMs * nanosecondsPerMs,
  };
}

function config(record: ContainerRecord): object {
  const { spec } = record;
  return {
    Hostname: spec.hostname === '' ? record.id.slice(0, 12) : spec.hostname,
    Domainname: spec.domainname,
    User: spec.user,
    Tty: spec.tty,
    OpenStdin: spec.stdinOpen,
    StdinOnce: spec.stdinOnce,
    Env: spec.env,
    Cmd: spec.command,
    Image: spec.image,
    Volumes: Object.fromEntries(
      record.volumes.filter(({ anonymous }) => anonymous).map(({ target }) => [target, {}]),
    ),
    WorkingDir: spec.workingDir,
    Entrypoint: spec.entrypoint,
    Labels: spec.labels,
    StopSignal: signalName(spec.stopSignal),
    StopTimeout: Math.round(spec.stopTimeoutMs / 1000),
    Healthcheck: spec.health === null ? undefined : healthcheck(spec.health),
  };
}

function mountPoint(
  mount: Mount,
  record: ContainerRecord,
  volumePaths: ReadonlyMap<string, string>,
): object {
  const common = {
    Type: mount.type,
    Destination: mount.target,
    Mode: '',
    RW: mount.readOnly !== true,
  };
  if (mount.type === 'bind')
    return { ...common, Source: mount.source, Propagation: mount.propagation ?? 'rprivate' };
  if (mount.type === 'tmpfs') return { ...common, Source: '', Propagation: '' };
  const name = record.volumes.find(({ target }) => target === mount.target)?.name ?? mount.source;
  return {
    ...common,
    Name: name,
    Source: volumePaths.get(name) ?? '',
    Driver: 'local',
    Propagation: '',
  };
}

function networkSettings(spec: ContainerSpec): object {
  return {
    SandboxID: '',
    SandboxKey: '',
    Ports: {},
    Networks: {
      [spec.network]: {
        NetworkID: '',
        EndpointID: '',
        Gateway: '',
        IPAddress: '',
        IPPrefixLen: 0,
        MacAddress: '',
      },
    },
  };
}

/**
 * A container as Docker's inspect shows it.
 *
 * @param volumePaths - where the volumes that it uses are on the host, by name
 */
export function containerDocument(
  inspection: ContainerInspection,
  volumePaths: ReadonlyMap<string, string>,
): object {
  const { record, state, paths, sizeBytes } = inspection;
  const { spec } = record;
  const [path = '', ...args] = [...spec.entrypoint, ...spec.command];
  return {
    Id: record.id,
    Created: dockerTime(record.createdAtMs),
    Path: path,
    Args: args,
    State: containerState(inspection),
    Image: spec.imageId,
    ResolvConfPath: paths.resolvConf,
    HostnamePath: paths.hostname,
    HostsPath: paths.hosts,
    LogPath: paths.log,
    Name: `/${record.name}`,
    RestartCount: state.restartCount,
    Driver: 'overlay',
    Platform: 'linux',
    MountLabel: '',
    ProcessLabel: '',
    AppArmorProfile: '',
    ExecIDs: null,
    HostConfig: hostConfig(spec),
    GraphDriver: {
      Name: 'overlay',
      Data: { LowerDir: record.layers.join(':'), UpperDir: paths.upper },
    },
    SizeRw: sizeBytes ?? undefined,
    SizeRootFs: sizeBytes === null ? undefined : sizeBytes + (inspection.image?.sizeBytes ?? 0),
    Mounts: spec.mounts.map((mount) => mountPoint(mount, record, volumePaths)),
    Config: config(record),
    NetworkSettings: networkSettings(spec),
    Warren: { CgroupPath: record.cgroupPath, Ids: record.ids, Keeper: record.run?.keeper ?? null },
  };
}
