import { isAbsolute, posix } from 'node:path';
import { WarrenError } from '../base/errors.js';
import { deepFreeze } from '../base/freeze.js';
import type {
  ContainerConfig,
  ContainerSpec,
  HealthCheck,
  Mount,
  RestartPolicy,
  SecurityOptions,
} from './container-config.js';
import * as defaults from './defaults.js';
import { environmentLines, mergeEnvironment } from './environment.js';
import type { Image, ImageConfig } from './image.js';
import {
  serviceManagerMounts,
  serviceManagerStopSignal,
  wantsServiceManager,
} from './service-manager.js';
import { parseSignal } from './signals.js';
import { networkOf } from './network/normalize-network.js';
import { validateSpec } from './validate/validate-spec.js';

/**
 * A config with the image's config (Docker's merging rules), defaults and validation applied: complete and frozen. What a
 * container has of its own (id, name, the hostname made of the id) is not in it, so that thousands can share one.
 * @throws WarrenError invalidArgument naming the field and the rule
 */
export function normalizeConfig(
  config: ContainerConfig,
  image: Pick<Image, 'id' | 'config'>,
): ContainerSpec {
  const process = processOf(config, image.config);
  const namespaces = namespacesOf(config);
  const privileges = privilegesOf(config);
  const systemd = wantsServiceManager(config, { ...process, ...namespaces, ...privileges });
  const mounts = mountsOf(config, image.config);
  const spec: ContainerSpec = {
    image: config.image,
    imageId: image.id,
    ...process,
    systemd,
    ...identityOf(config),
    ...terminalOf(config),
    labels: { ...image.config.labels, ...config.labels },
    ...limitsOf(config),
    mounts: systemd ? [...mounts, ...serviceManagerMounts(mounts)] : mounts,
    ...networkOf(config, image.config),
    ...namespaces,
    ...privileges,
    ...rootOf(config),
    ...lifecycleOf(config, image.config, systemd),
  };
  validateSpec(spec);
  // A copy: freezing must not reach into the caller's objects.
  return deepFreeze(structuredClone(spec));
}

type Part<K extends keyof ContainerSpec> = Pick<ContainerSpec, K>;

/** Docker: an entrypoint of one's own drops the image's command with the image's entrypoint. */
function processOf(
  config: ContainerConfig,
  image: ImageConfig,
): Part<'entrypoint' | 'command' | 'env' | 'workingDir' | 'user' | 'groupAdd' | 'init'> {
  const ownEntrypoint = config.entrypoint !== undefined;
  const ownCommand = config.command !== undefined && config.command.length > 0;
  const entrypoint = config.entrypoint ?? image.entrypoint;
  const command = ownCommand ? (config.command ?? []) : ownEntrypoint ? [] : image.command;
  const workingDir = config.workingDir ?? image.workingDir;
  const env = mergeEnvironment(
    mergeEnvironment([defaults.defaultPath], image.env),
    environmentLines(config.env),
  );
  return {
    entrypoint: entrypoint.filter((part, index) => index > 0 || part !== ''),
    command,
    env,
    workingDir: workingDir === '' ? '/' : normalTarget(workingDir),
    user: config.user ?? image.user,
    groupAdd: config.groupAdd ?? [],
    init: config.init ?? false,
  };
}

function identityOf(config: ContainerConfig): Part<'hostname' | 'domainname' | 'extraHosts'> {
  return {
    hostname: config.hostname ?? '',
    domainname: config.domainname ?? '',
    extraHosts: config.extraHosts ?? [],
  };
}

function terminalOf(config: ContainerConfig): Part<'tty' | 'stdinOpen' | 'stdinOnce' | 'pty'> {
  return {
    tty: config.tty ?? false,
    stdinOpen: config.stdinOpen ?? false,
    stdinOnce: config.stdinOnce ?? false,
    pty: config.pty ?? true,
  };
}

function limitsOf(
  config: ContainerConfig,
): Part<'resources' | 'ulimits' | 'devices' | 'deviceRules' | 'oomScoreAdj'> {
  return {
    resources: config.resources ?? {},
    ulimits: config.ulimits ?? [],
    devices: config.devices ?? [],
    deviceRules: config.deviceRules ?? [],
    oomScoreAdj: config.oomScoreAdj ?? 0,
  };
}

/** The image's volumes become anonymous ones where nothing else is mounted. */
function mountsOf(config: ContainerConfig, image: ImageConfig): readonly Mount[] {
  const mounts = (config.mounts ?? []).map((mount) => completeMount(mount, config));
  const taken = new Set(mounts.map((mount) => mount.target));
  const anonymous = image.volumes
    .map(normalTarget)
    .filter((target) => !taken.has(target))
    .map((target): Mount => ({ type: 'volume', source: '', target }));
  return [...mounts, ...anonymous];
}

function completeMount(mount: Mount, config: ContainerConfig): Mount {
  const target = normalTarget(mount.target);
  switch (mount.type) {
    case 'bind':
      return {
        readOnly: false,
        propagation: 'rprivate',
        createSource: false,
        idmap: false,
        recursive: true,
        ...mount,
        target,
      };
    case 'volume':
      return { readOnly: false, noCopy: false, ...mount, target };
    case 'tmpfs': {
      const memory = config.resources?.memoryBytes;
      const sizeBytes =
        memory !== undefined && memory > 0 ? Math.ceil(memory / 2) : defaults.defaultTmpfsSizeBytes;
      return { readOnly: false, sizeBytes, mode: 0o1777, noexec: true, ...mount, target };
    }
  }
}

/** `/data/` and `/data` are one target; anything relative is left for the validation to name. */
function normalTarget(target: string): string {
  if (!isAbsolute(target)) return target;
  const normal = posix.normalize(target);
  return normal.length > 1 && normal.endsWith('/') ? normal.slice(0, -1) : normal;
}

function namespacesOf(
  config: ContainerConfig,
): Part<'userns' | 'pid' | 'ipc' | 'uts' | 'cgroupns' | 'sysfs' | 'cgroupParent'> {
  return {
    userns: config.userns ?? 'private',
    pid: config.pid ?? 'private',
    ipc: config.ipc ?? 'private',
    uts: config.uts ?? 'private',
    cgroupns: config.cgroupns ?? 'private',
    sysfs: config.sysfs ?? 'shared',
    cgroupParent: config.cgroupParent ?? '',
  };
}

function privilegesOf(
  config: ContainerConfig,
): Part<'capAdd' | 'capDrop' | 'privileged' | 'security' | 'sysctls'> {
  return {
    capAdd: capabilityNames(config.capAdd),
    capDrop: capabilityNames(config.capDrop),
    privileged: config.privileged ?? false,
    security: securityOf(config),
    sysctls: config.sysctls ?? {},
  };
}

function securityOf(config: ContainerConfig): SecurityOptions {
  const unconfined = config.privileged === true;
  const base: SecurityOptions = unconfined
    ? { seccomp: 'unconfined', systemPathsUnconfined: true }
    : defaults.defaultSecurity;
  return { ...base, ...withoutUndefined(config.security ?? {}) };
}

function capabilityNames(names: readonly string[] | undefined): readonly string[] {
  return (names ?? []).map((name) => name.toUpperCase().replace(/^CAP_/, ''));
}

function rootOf(
  config: ContainerConfig,
): Part<'readOnly' | 'volatileSizeBytes' | 'shmSizeBytes' | 'log'> {
  const volatileSize = config.volatileSizeBytes ?? defaults.defaultVolatileSizeBytes;
  return {
    readOnly: config.readOnly ?? false,
    volatileSizeBytes: config.volatile === true ? volatileSize : 0,
    shmSizeBytes: config.shmSizeBytes ?? defaults.defaultShmSizeBytes,
    log: { ...defaults.defaultLog, ...withoutUndefined(config.log ?? {}) },
  };
}

function lifecycleOf(
  config: ContainerConfig,
  image: ImageConfig,
  systemd: boolean,
): Part<'stopSignal' | 'stopTimeoutMs' | 'restart' | 'health' | 'lease' | 'autoRemove'> {
  const wanted = config.stopSignal ?? image.stopSignal;
  const usual = systemd ? serviceManagerStopSignal : defaults.defaultStopSignal;
  return {
    stopSignal: parseSignal(wanted === '' ? usual : wanted),
    stopTimeoutMs: config.stopTimeoutMs ?? defaults.defaultStopTimeoutMs,
    restart: restartOf(config.restart),
    health: healthOf(config.health, image.health),
    lease: { dieWithOwner: false, ...withoutUndefined(config.lease ?? {}) },
    autoRemove: config.autoRemove ?? false,
  };
}

function restartOf(restart: Partial<RestartPolicy> | undefined): RestartPolicy {
  return { name: restart?.name ?? 'no', maximumRetryCount: restart?.maximumRetryCount ?? 0 };
}

function healthOf(
  health: Partial<HealthCheck> | false | undefined,
  image: HealthCheck | null,
): HealthCheck | null {
  if (health === false) return null;
  if (health === undefined) return image;
  const merged = {
    ...defaults.defaultHealth,
    ...image,
    ...withoutUndefined(health),
  };
  const test = health.test ?? image?.test ?? [];
  if (test.length === 0) {
    throw new WarrenError(
      'invalidArgument',
      'INVALID_HEALTH',
      'Invalid health check: no test command is given',
      { hint: 'Set health.test, or leave the image’s check as it is' },
    );
  }
  return { ...merged, test, shell: health.shell ?? (health.test ? false : image?.shell) ?? false };
}

function withoutUndefined<T extends object>(value: T): T {
  return Object.fromEntries(Object.entries(value).filter(([, part]) => part !== undefined)) as T;
}
