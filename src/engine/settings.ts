import { createHash } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { isAbsolute, join, resolve } from 'node:path';
import { WarrenError } from '../base/errors.js';
import { parseNetwork, type IpNetwork } from '../base/ip.js';
import { chooseParent } from '../cgroup/parent.js';
import { livesAtTheTop, systemdRuns } from '../host/linux/systemd.js';
import type { IdRange } from '../model/container.js';
import {
  defaultIdPool,
  defaultNetwork,
  defaultNetworkPool,
  idsPerContainer,
} from '../model/defaults.js';
import type { EngineOptions, LaunchTrace } from './contract.js';

/** The options with their defaults. */
export interface EngineSettings {
  readonly dataRoot: string;
  readonly runDir: string;
  /** Below each hierarchy's root, without slashes at the ends. */
  readonly cgroupParent: string;
  readonly idPool: IdRange;
  /** Subnets of networks come from here. */
  readonly networkPool: IpNetwork;
  /** Of containers that name none. */
  readonly defaultNetwork: string;
  /** Source NAT, published ports and forwarding are set up on the host. */
  readonly hostNat: boolean;
  readonly overlayStrategy: 'probe' | 'fd' | 'attached';
  readonly logLevel: 'error' | 'warn' | 'info' | 'debug';
  readonly registries: string;
  readonly dockerConfig: string;
  readonly onTrace: ((trace: LaunchTrace) => void) | undefined;
}

const defaultDataRoot = '/var/lib/warren';
const defaultRunDir = '/run/warren';
const defaultRegistries = '/etc/warren/registries.json';

/** sun_path holds 108 bytes with its NUL; `/keeper-NN.sock` comes behind the run dir. */
const maximumRunDirLength = 90;

/** PROC_PID_INIT_INO of linux/proc_ns.h. */
const initialPidNamespace = 'pid:[4026531836]';

type Environment = Readonly<Record<string, string | undefined>>;

/** @throws WarrenError invalidArgument */
export function engineSettings(options: EngineOptions, environment: Environment): EngineSettings {
  const dataRoot = resolve(
    options.dataRoot ?? nonEmpty(environment['WARREN_DATA_ROOT']) ?? defaultDataRoot,
  );
  const standard = dataRoot === defaultDataRoot;
  const runDir = resolve(
    options.runDir ??
      nonEmpty(environment['WARREN_RUN_DIR']) ??
      (standard ? defaultRunDir : join(dataRoot, 'run')),
  );
  if (!isAbsolute(runDir) || runDir.length > maximumRunDirLength) {
    throw new WarrenError(
      'invalidArgument',
      'RUN_DIR_TOO_LONG',
      `Cannot use run dir ${runDir}: unix sockets below it would have too long a path`,
      { hint: `Choose one of at most ${maximumRunDirLength} characters (--run-dir)` },
    );
  }
  return {
    dataRoot,
    runDir,
    cgroupParent: cgroupParentOf(
      options.cgroupParent ?? nonEmpty(environment['WARREN_CGROUP_PARENT']),
      standard ? null : dataRoot,
    ),
    idPool: checkedPool(options.idPool ?? poolOf(environment['WARREN_ID_POOL']) ?? defaultIdPool),
    networkPool: networkPoolOf(
      options.networkPool ?? nonEmpty(environment['WARREN_NETWORK_POOL']) ?? defaultNetworkPool,
    ),
    defaultNetwork:
      options.defaultNetwork ?? nonEmpty(environment['WARREN_DEFAULT_NETWORK']) ?? defaultNetwork,
    hostNat: options.hostNat ?? environment['WARREN_HOST_NAT'] !== '0',
    overlayStrategy: options.overlayStrategy ?? 'probe',
    logLevel: options.logLevel ?? 'warn',
    registries:
      options.registries ?? nonEmpty(environment['WARREN_REGISTRIES']) ?? defaultRegistries,
    dockerConfig:
      options.dockerConfig ??
      nonEmpty(environment['DOCKER_CONFIG']) ??
      join(nonEmpty(environment['HOME']) ?? '/root', '.docker'),
    onTrace: options.onTrace,
  };
}

/** Engines of different data roots have different parents: what lies below a parent is one engine's. */
function cgroupParentOf(wanted: string | undefined, dataRoot: string | null): string {
  const initMembership = readFileSync('/proc/1/cgroup', 'utf8');
  const insideContainer = readlinkSync('/proc/self/ns/pid') !== initialPidNamespace;
  const digest = createHash('sha256')
    .update(dataRoot ?? '')
    .digest('hex');
  const name = dataRoot === null ? 'warren' : `warren-${digest.slice(0, 8)}`;
  return chooseParent({
    requested: wanted ?? '',
    initMembership,
    insideContainer,
    systemd: systemdRuns() && !livesAtTheTop(name),
    name,
  });
}

function checkedPool(pool: IdRange): IdRange {
  const end = pool.base + pool.count;
  const whole = Number.isSafeInteger(pool.base) && Number.isSafeInteger(pool.count);
  if (whole && pool.base >= idsPerContainer && pool.count >= idsPerContainer && end < 2 ** 32) {
    return pool;
  }
  throw new WarrenError(
    'invalidArgument',
    'INVALID_ID_POOL',
    `Invalid id pool ${pool.base}:${pool.count}: it must hold ${idsPerContainer} ids or more between ${idsPerContainer} and 4294967295`,
  );
}

function networkPoolOf(text: string): IpNetwork {
  const pool = parseNetwork(text);
  if (pool?.family === 4 && pool.prefix <= 24) return pool;
  throw new WarrenError(
    'invalidArgument',
    'INVALID_NETWORK_POOL',
    `Invalid network pool "${text}": it must be an IPv4 network of 256 addresses or more`,
    { hint: `Write it as ${defaultNetworkPool}` },
  );
}

/** `BASE:COUNT` */
function poolOf(text: string | undefined): IdRange | undefined {
  const match = /^(\d+):(\d+)$/.exec(text ?? '');
  return match === null ? undefined : { base: Number(match[1]), count: Number(match[2]) };
}

function nonEmpty(text: string | undefined): string | undefined {
  return text === '' ? undefined : text;
}
