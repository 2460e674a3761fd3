import type { ContainerRecord } from '../model/container.js';
import { isWarrenError } from '../base/errors.js';
import { single } from './batch.js';
import { containerFiles } from './containers/files.js';
import { killContainers } from './containers/kill.js';
import { pauseContainers, unpauseContainers } from './containers/pause.js';
import { removeContainers } from './containers/remove.js';
import { renameContainer } from './containers/rename.js';
import { restartContainers } from './containers/restart.js';
import { startAttached, startContainers } from './containers/launch/start.js';
import { stopContainers } from './containers/stop.js';
import { updateContainers } from './containers/update.js';
import { waitContainer } from './containers/wait.js';
import type { EngineContext } from './context.js';
import type { ContainerHandle } from './contract.js';
import { inspectContainer } from './observe/inspect.js';
import { containerLogs } from './observe/logs.js';
import { containerLimits, containerStats } from './observe/stats.js';
import { attachContainer, resizeContainer } from './processes/attach.js';
import { execInContainer, spawnInContainer } from './processes/exec.js';
import { containerTop } from './processes/top.js';
import { readState } from './state/read-states.js';
import { withTypedErrors } from './typed-errors.js';

/** A container as the library gives it: the id stays, everything else is looked up at each call. */
export function containerHandle(context: EngineContext, made: ContainerRecord): ContainerHandle {
  const { id } = made;
  const record = (): ContainerRecord => context.records.containers.resolve(id);
  return {
    id,
    get name() {
      return context.records.containers.get(id)?.name ?? made.name;
    },
    get spec() {
      return context.records.containers.get(id)?.spec ?? made.spec;
    },
    start: async (options) => single(await startContainers(context, [id], options)),
    startAttached: async (options) => await startAttached(context, record(), options),
    stop: async (options) => single(await stopContainers(context, [id], options)),
    kill: async (stopSignal) =>
      single(await killContainers(context, [id], stopSignal === undefined ? {} : { stopSignal })),
    restart: async (options) => single(await restartContainers(context, [id], options)),
    pause: async () => single(await pauseContainers(context, [id])),
    unpause: async () => single(await unpauseContainers(context, [id])),
    // One that was removed meanwhile has an answer too.
    wait: async (options) =>
      await waitContainer(context, context.records.containers.get(id) ?? made, options),
    remove: async (options) => single(await removeContainers(context, [id], options)),
    rename: async (name) => {
      await renameContainer(context, record(), name);
    },
    update: async (request) => single(await updateContainers(context, [id], { request })),
    exec: async (command, options) =>
      await execInContainer(context, record(), { ...options, command }),
    spawn: async (command, options) =>
      await spawnInContainer(context, record(), { ...options, command }),
    attach: async (options) => await attachContainer(context, record(), options),
    resize: async (size) => {
      await resizeContainer(context, record(), size);
    },
    logs: (options) => containerLogs(context, record(), options),
    state: async () => await readState(context, record()),
    inspect: async (options) => await inspectContainer(context, record(), options),
    stats: async () => await containerStats(context, record()),
    limits: async () => await containerLimits(context, record()),
    top: async (options) => await containerTop(context, record(), options?.columns),
    files: withTypedErrors(containerFiles(context, record), {
      noun: 'file',
      dataRoot: context.settings.dataRoot,
    }),
    [Symbol.asyncDispose]: async () => {
      await disposeContainer(context, id);
    },
  };
}

/** One that was removed already is disposed of. */
async function disposeContainer(context: EngineContext, id: string): Promise<void> {
  try {
    single(await removeContainers(context, [id], { force: true, volumes: true }));
  } catch (error) {
    if (!isWarrenError(error, 'notFound')) throw error;
  }
}
