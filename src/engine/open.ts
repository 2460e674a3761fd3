import { join } from 'node:path';
import { chmodSync, mkdirSync, statSync } from 'node:fs';
import { packageRoot } from '../base/package.js';
import { systemClock } from '../base/clock.js';
import { errnoOf, WarrenError } from '../base/errors.js';
import { formatNetwork } from '../base/ip.js';
import { createCgroupDriver } from '../cgroup/create-driver.js';
import { createLinuxHost } from '../host/linux/linux-host.js';
import type { Host } from '../host/port.js';
import { removeAbandoned } from '../host/temporary-directory.js';
import { ownIdentity } from '../host/process-identity.js';
import { OciImageStore, openStoreParts } from '../image/store/open-store.js';
import { Registries } from '../image/registry/registries.js';
import { ImageTransfers } from '../image/transfers.js';
import type { ContainerRecord } from '../model/container.js';
import { openRecords } from '../records/open-records.js';
import { openContainerFiles } from '../storage/container-files.js';
import type { ContainerFiles } from '../storage/driver.js';
import { makeMountPoints, withMountPoints } from '../storage/mount-points.js';
import { openStorage } from '../storage/overlay-driver.js';
import { VolumeDirectories } from '../storage/volumes.js';
import { secretPrefix } from './build/steps/run-mounts.js';
import type { EngineContext } from './context.js';
import type { EngineOptions } from './contract.js';
import { deviceNumber } from './launch/device-nodes.js';
import { type KeeperConfiguration, Keepers } from './launch/keepers.js';
import { containerPath } from './launch/launch-input.js';
import { UserResolver } from './launch/user-resolver.js';
import { liveElements } from './networks/firewall.js';
import { PortPicker } from './networks/ports/port-picker.js';
import { freeRetired } from './networks/rates.js';
import { Router } from './networks/router.js';
import { EventJournal } from './observe/journal.js';
import { type EngineSettings, engineSettings } from './settings.js';
import { IdClaims } from './state/id-claims.js';
import { recoverIntents } from './state/recover.js';
import { Reclaimer } from './storage/reclaimer.js';
import { oldTrash } from './storage/trash.js';

const logLevels = ['error', 'warn', 'info', 'debug'];

/**
 * Puts an engine's parts together, and undoes what processes left that died in the middle of an operation.
 * @throws WarrenError permissionDenied (ROOT_REQUIRED), invalidArgument, unsupported
 */
export async function openContext(options: EngineOptions): Promise<EngineContext> {
  const settings = engineSettings(options, process.env);
  requireRoot(settings);
  for (const directory of [settings.dataRoot, settings.runDir]) makePrivate(directory);
  const host = createLinuxHost(settings);
  try {
    const context = await contextOf(settings, host);
    await recoverIntents(context);
    await removeAbandoned(settings.runDir, secretPrefix);
    if (oldTrash(context).length > 0) context.reclaimer.schedule();
    return context;
  } catch (error) {
    await host.close();
    throw error;
  }
}

async function contextOf(settings: EngineSettings, host: Host): Promise<EngineContext> {
  const { dataRoot } = settings;
  const facts = await host.facts();
  const configuration = keeperConfiguration(settings);
  const records = await openRecords(dataRoot);
  try {
    await makeMountPoints(dataRoot);
    const storage = openStorage({ dataRoot, host });
    const imageParts = await openStoreParts({ dataRoot, host });
    const registries = new Registries({
      file: settings.registries,
      dockerConfig: settings.dockerConfig,
      host,
    });
    const context: EngineContext = {
      settings,
      host,
      facts,
      self: ownIdentity(facts.bootId),
      records,
      storage,
      reclaimer: new Reclaimer([
        async () => storage.emptyTrash(),
        async () => {
          if (context.router.takeRetired()) await freeRetired(context);
        },
      ]),
      volumes: new VolumeDirectories({ dataRoot, host }),
      router: new Router(
        {
          host,
          resolver: ownCommand(settings, 'resolver'),
          environment: configuration.environment,
        },
        settings,
        async () => liveElements(context),
      ),
      ports: new PortPicker(records),
      images: new OciImageStore(imageParts),
      transfers: new ImageTransfers(imageParts, registries),
      cgroups: createCgroupDriver(host.cgroups, {
        keeperParent: settings.cgroupParent,
        deviceNumber,
      }),
      keepers: new Keepers(host, configuration),
      users: new UserResolver(dataRoot, host),
      idClaims: new IdClaims(dataRoot),
      journal: new EventJournal(settings.runDir),
      clock: systemClock,
      files: (record, pid) => filesOf({ dataRoot, host }, record, pid),
    };
    return context;
  } catch (error) {
    await records.close();
    throw error;
  }
}

function requireRoot({ dataRoot }: EngineSettings): void {
  if (process.geteuid?.() === 0) return;
  throw new WarrenError(
    'permissionDenied',
    'ROOT_REQUIRED',
    `Cannot open data root ${dataRoot}: warren needs root to make containers`,
    { hint: 'Run it with sudo' },
  );
}

/** 0700 and root's: who may enter it may become root. */
function makePrivate(directory: string): void {
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    const { mode, uid } = statSync(directory);
    if (uid !== 0) {
      throw new WarrenError(
        'permissionDenied',
        'NOT_OWNED_BY_ROOT',
        `Cannot use ${directory}: it belongs to user ${uid}`,
        { hint: 'Choose a directory of root’s' },
      );
    }
    if ((mode & 0o077) !== 0) chmodSync(directory, 0o700);
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === undefined) throw error;
    throw new WarrenError('unavailable', errno, `Cannot make ${directory}: ${errno}`, {
      cause: error,
    });
  }
}

function ownCommand({ dataRoot, runDir }: EngineSettings, name: string): readonly string[] {
  const program = join(packageRoot, 'bin', 'warren.js');
  return [process.execPath, program, name, '--data-root', dataRoot, '--run-dir', runDir];
}

/** What keepers start when something needs the engine and no engine is there. */
function keeperConfiguration(settings: EngineSettings): KeeperConfiguration {
  const { cgroupParent, idPool, networkPool, hostNat, defaultNetwork } = settings;
  return {
    reconcile: ownCommand(settings, 'reconcile'),
    environment: [
      'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
      `WARREN_CGROUP_PARENT=${cgroupParent}`,
      `WARREN_ID_POOL=${idPool.base}:${idPool.count}`,
      `WARREN_NETWORK_POOL=${formatNetwork(networkPool)}`,
      `WARREN_DEFAULT_NETWORK=${defaultNetwork}`,
      `WARREN_HOST_NAT=${hostNat ? 1 : 0}`,
    ],
    logLevel: logLevels.indexOf(settings.logLevel),
  };
}

function filesOf(
  options: { readonly dataRoot: string; readonly host: Host },
  record: ContainerRecord,
  pid: number,
): ContainerFiles {
  if (pid > 0) return openContainerFiles(options, { state: 'running', pid, ids: record.ids });
  const writable = {
    upper: containerPath(record.id, 'upper'),
    work: containerPath(record.id, 'work'),
  };
  return openContainerFiles(options, {
    state: 'stopped',
    writable,
    layers: withMountPoints(record.layers),
  });
}
