import type { ContainerInspection } from '../../engine/contract.js';
import type { ContainerRecord } from '../../model/container.js';
import type { HealthCheck, Mount } from '../../model/container-config.js';
import { portBindings } from '../../model/network/published-port.js';
import { signalName } from '../../model/signals.js';
import { hasPorts } from '../../model/status.js';
import {
  defaultNetworkName,
  isNetworkName,
  type Endpoint,
  type Network,
} from '../../model/network/network.js';
import { containerState } from './container-state.js';
import { endpointId, prefixLength } from './network-inspect.js';
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
    AttachStdin: false,
    AttachStdout: false,
    AttachStderr: false,
    Tty: spec.tty,
    OpenStdin: spec.stdinOpen,
    StdinOnce: spec.stdinOnce,
    Env: spec.env,
    Cmd: spec.command,
    ExposedPorts: Object.fromEntries(
      spec.networking.expose.map(({ port, protocol }) => [`${port}/${protocol}`, {}]),
    ),
    Image: spec.image,
    Volumes: Object.fromEntries(
      record.volumes.filter(({ anonymous }) => anonymous).map(({ target }) => [target, {}]),
    ),
    WorkingDir: spec.workingDir,
    Entrypoint: spec.entrypoint,
    OnBuild: null,
    Labels: spec.labels,
    StopSignal: signalName(spec.stopSignal),
    StopTimeout: spec.stopTimeoutMs < 0 ? -1 : Math.round(spec.stopTimeoutMs / 1000),
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

function placeFields(endpoint: Endpoint, network: Network): object {
  const gateway = (family: 4 | 6): string =>
    network.subnets.find((subnet) => subnet.family === family)?.gateway ?? '';
  return {
    MacAddress: endpoint.mac,
    EndpointID: endpointId(endpoint),
    Gateway: gateway(4),
    IPAddress: endpoint.ipv4 ?? '',
    IPPrefixLen: endpoint.ipv4 === null ? 0 : prefixLength(network, 4),
    IPv6Gateway: gateway(6),
    GlobalIPv6Address: endpoint.ipv6 ?? '',
    GlobalIPv6PrefixLen: endpoint.ipv6 === null ? 0 : prefixLength(network, 6),
  };
}

function endpointSettings(endpoint: Endpoint, network: Network): object {
  return {
    IPAMConfig: null,
    Links: endpoint.links.map(({ container, alias }) => `${container}:${alias}`),
    Aliases: endpoint.aliases,
    NetworkID: network.id,
    DNSNames: endpoint.aliases,
    ...placeFields(endpoint, network),
  };
}

/** What a container without networks has in these fields. */
const noEndpoint = {
  EndpointID: '',
  Gateway: '',
  GlobalIPv6Address: '',
  GlobalIPv6PrefixLen: 0,
  IPAddress: '',
  IPPrefixLen: 0,
  IPv6Gateway: '',
  MacAddress: '',
};

/** `80/tcp` → where it is published; null when it is only exposed. */
function portSettings({ record, state }: ContainerInspection): object {
  if (!hasPorts(state.status)) return {};
  const settings: Record<string, object[] | null> = {};
  for (const { port, protocol } of record.spec.networking.expose)
    settings[`${port}/${protocol}`] = null;
  for (const { address, hostPort, containerPort, protocol } of portBindings(record)) {
    const key = `${containerPort}/${protocol}`;
    const binding = { HostIp: address, HostPort: String(hostPort) };
    settings[key] = [...(settings[key] ?? []), binding];
  }
  return settings;
}

/** Of the default network alone, as Docker has it: those of others are below `Networks`. */
function defaultPlace(record: ContainerRecord, networks: readonly Network[]): object {
  const network = networks.find(({ name }) => name === defaultNetworkName);
  const endpoint = record.endpoints.find((each) => each.network === network?.id);
  return {
    ...noEndpoint,
    ...(network === undefined || endpoint === undefined ? {} : placeFields(endpoint, network)),
  };
}

function networkSettings(inspection: ContainerInspection, networks: readonly Network[]): object {
  const { record } = inspection;
  const settings = record.endpoints.flatMap((endpoint) => {
    const network = networks.find(({ id }) => id === endpoint.network);
    return network === undefined
      ? []
      : [[network.name, endpointSettings(endpoint, network)] as const];
  });
  const mode = record.spec.network;
  return {
    Bridge: '',
    SandboxID: '',
    SandboxKey: '',
    HairpinMode: false,
    LinkLocalIPv6Address: '',
    LinkLocalIPv6PrefixLen: 0,
    SecondaryIPAddresses: null,
    SecondaryIPv6Addresses: null,
    Ports: portSettings(inspection),
    ...defaultPlace(record, networks),
    Networks:
      isNetworkName(mode) || settings.length > 0
        ? Object.fromEntries(settings)
        : {
            [mode]: {
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

/** What a container's document names of other things. */
export interface Surroundings {
  /** Where the volumes that it uses are on the host, by name. */
  readonly volumePaths: ReadonlyMap<string, string>;
  readonly networks: readonly Network[];
}

/**
 * A container as Docker's inspect shows it.
 */
export function containerDocument(
  inspection: ContainerInspection,
  { volumePaths, networks }: Surroundings,
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
    NetworkSettings: networkSettings(inspection, networks),
    Warren: { CgroupPath: record.cgroupPath, Ids: record.ids, Keeper: record.run?.keeper ?? null },
  };
}
