import type {
  ContainerConfig,
  HealthCheck,
  Lease,
  LogConfig,
} from '../../model/container-config.js';
import type { ContainerFlags } from '../options/container.js';
import { patienceMs } from '../options/stop.js';
import { parseEnvironmentFile, parseLabelFile } from '../parse/environment.js';
import { usageError } from '../program/usage-error.js';
import { defined } from './defined.js';
import { readGivenFile } from './given-file.js';
import { networksOf } from './networks.js';
import { resourcesOf } from './resources.js';
import { securityOf } from './security.js';

/** What to run, as the command line says it. */
export interface WantedContainer {
  readonly flags: ContainerFlags;
  readonly image: string;
  readonly command: readonly string[];
}

/** undefined for an empty list: the image's value stays. */
function some<T>(items: readonly T[]): readonly T[] | undefined {
  return items.length === 0 ? undefined : items;
}

/** Files first: what is given with `-e` wins. */
function environment(flags: ContainerFlags): readonly string[] {
  const fromFiles = flags.envFile.flatMap((path) =>
    readGivenFile('--env-file', path, (content) => parseEnvironmentFile(content, process.env)),
  );
  return [...fromFiles, ...flags.env];
}

function labels(flags: ContainerFlags): Readonly<Record<string, string>> | undefined {
  const fromFiles = flags.labelFile.flatMap((path) =>
    readGivenFile('--label-file', path, parseLabelFile),
  );
  const all = [...fromFiles, ...flags.label];
  return all.length === 0 ? undefined : Object.fromEntries(all);
}

function health(flags: ContainerFlags): Partial<HealthCheck> | false | undefined {
  const times = defined({
    intervalMs: flags.healthInterval,
    timeoutMs: flags.healthTimeout,
    retries: flags.healthRetries,
    startPeriodMs: flags.healthStartPeriod,
    startIntervalMs: flags.healthStartInterval,
  });
  const isGiven = flags.healthCmd !== undefined || Object.keys(times).length > 0;
  if (flags.noHealthcheck) {
    if (isGiven) throw usageError('Flags exclude each other: --no-healthcheck and --health-*');
    return false;
  }
  if (!isGiven) return undefined;
  return flags.healthCmd === undefined ? times : { ...times, test: [flags.healthCmd], shell: true };
}

function log(flags: ContainerFlags): Partial<LogConfig> | undefined {
  if (flags.logDriver === undefined && flags.logOpt.length === 0) return undefined;
  return Object.assign(
    {},
    defined({ driver: flags.logDriver }),
    ...flags.logOpt,
  ) as Partial<LogConfig>;
}

function lease(flags: ContainerFlags): Partial<Lease> | undefined {
  if (flags.ttl === undefined && flags.idleTimeout === undefined && !flags.dieWithParent)
    return undefined;
  return {
    ...defined({ ttlMs: flags.ttl, idleTimeoutMs: flags.idleTimeout }),
    dieWithOwner: flags.dieWithParent,
  };
}

function refuseContradictions(flags: ContainerFlags): void {
  if (flags.rm && flags.restart !== undefined && flags.restart.name !== 'no') {
    throw usageError(
      'Flags exclude each other: --restart and --rm',
      'A container that is removed when it ends cannot be restarted',
    );
  }
}

function processPart({ flags, command }: WantedContainer): Partial<ContainerConfig> {
  return defined({
    pull: flags.pull ?? 'missing',
    platform: flags.platform,
    command: some(command),
    entrypoint:
      flags.entrypoint === undefined
        ? undefined
        : flags.entrypoint === ''
          ? []
          : [flags.entrypoint],
    env: some(environment(flags)),
    workingDir: flags.workdir,
    user: flags.user,
    groupAdd: some(flags.groupAdd),
    tty: flags.tty,
    stdinOpen: flags.interactive,
    init: flags.init ? true : undefined,
    systemd: flags.systemd,
    ulimits: some(flags.ulimit),
    sysctls: flags.sysctl.length === 0 ? undefined : Object.fromEntries(flags.sysctl),
    oomScoreAdj: flags.oomScoreAdj,
  });
}

function filesPart(flags: ContainerFlags): Partial<ContainerConfig> {
  return defined({
    mounts: some([...flags.volume, ...flags.mount, ...flags.tmpfs]),
    volumesFrom: some(flags.volumesFrom),
    readOnly: flags.readOnly ? true : undefined,
    shmSizeBytes: flags.shmSize,
    volatile: flags.volatile === undefined ? undefined : true,
    // 0 stands for `--volatile` without a size.
    volatileSizeBytes: flags.volatile === 0 ? undefined : flags.volatile,
    devices: some(flags.device),
    deviceRules: some(flags.deviceCgroupRule),
    sysfs: flags.sysfs,
    pty: flags.noPty ? false : undefined,
  });
}

function isolationPart(flags: ContainerFlags): Partial<ContainerConfig> {
  const resources = resourcesOf(flags);
  return defined({
    resources: Object.keys(resources).length === 0 ? undefined : resources,
    pid: flags.pid,
    ipc: flags.ipc,
    uts: flags.uts,
    userns: flags.userns,
    cgroupns: flags.cgroupns,
    capAdd: some(flags.capAdd),
    capDrop: some(flags.capDrop),
    privileged: flags.privileged ? true : undefined,
    security: securityOf(flags.securityOpt),
    cgroupParent: flags.cgroupParent,
  });
}

function lifePart(flags: ContainerFlags): Partial<ContainerConfig> {
  return defined({
    autoRemove: flags.rm ? true : undefined,
    restart: flags.restart,
    stopSignal: flags.stopSignal,
    stopTimeoutMs: patienceMs(flags.stopTimeout),
    lease: lease(flags),
    log: log(flags),
    health: health(flags),
  });
}

/** The config that flags and arguments describe. Reads the files that flags name. */
export function containerConfig(wanted: WantedContainer): ContainerConfig {
  const { flags, image } = wanted;
  refuseContradictions(flags);
  return {
    image,
    ...defined({
      name: flags.name,
      hostname: flags.hostname,
      domainname: flags.domainname,
      extraHosts: some(flags.addHost),
      labels: labels(flags),
    }),
    ...processPart(wanted),
    ...filesPart(flags),
    ...networksOf(flags),
    ...isolationPart(flags),
    ...lifePart(flags),
  };
}
