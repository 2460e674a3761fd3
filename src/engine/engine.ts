import type { ContainerConfig } from '../model/container-config.js';
import type { EngineEvent } from '../model/events.js';
import type { RunningProcess } from '../model/exec.js';
import { single } from './batch.js';
import { createContainers } from './containers/launch/create.js';
import { runContainers } from './containers/launch/run.js';
import { runAttached } from './containers/launch/run-attached.js';
import type { EngineContext } from './context.js';
import type {
  BatchOptions,
  BatchResult,
  ContainerHandle,
  EngineApi,
  EngineContainers,
  EngineImages,
  EngineNetworks,
  EngineOptions,
  EngineRegistries,
  EngineSystem,
  EngineVolumes,
  RunOptions,
  StartNewOptions,
} from './contract.js';
import { containerOperations } from './containers/operations.js';
import { containerHandle } from './handle.js';
import { networkOperations } from './networks/operations.js';
import { type EventOptions, engineEvents } from './observe/events/events.js';
import { openContext } from './open.js';
import { imageOperations } from './storage/images.js';
import { volumeOperations } from './storage/volume-operations.js';
import { systemOperations } from './system/operations.js';
import { withTypedErrors } from './typed-errors.js';

/**
 * The engine of one data root, in this process. Others may have the same data root open: what they do is seen at once.
 *
 *     await using engine = await Engine.open();
 *     await using web = await engine.run({ image: 'tiny', command: ['httpd'] });
 */
export class Engine implements EngineApi {
  readonly containers: EngineContainers;
  readonly images: EngineImages;
  readonly registries: EngineRegistries;
  readonly volumes: EngineVolumes;
  readonly networks: EngineNetworks;
  readonly system: EngineSystem;
  readonly #context: EngineContext;
  #closed: Promise<void> | undefined;

  private constructor(context: EngineContext) {
    this.#context = context;
    const { dataRoot } = context.settings;
    this.containers = containerOperations(context);
    this.images = withTypedErrors(imageOperations(context), { noun: 'image', dataRoot });
    this.registries = {
      login: async (...login) => await context.transfers.login(...login),
      logout: async (server) => await context.transfers.logout(server),
    };
    this.volumes = withTypedErrors(volumeOperations(context), { noun: 'volume', dataRoot });
    this.networks = withTypedErrors(networkOperations(context), { noun: 'network', dataRoot });
    this.system = systemOperations(context);
  }

  /**
   * Opens a data root, and makes it when it is missing. What processes left that died in the middle of an operation is undone.
   * @throws WarrenError permissionDenied without root, unsupported, invalidArgument
   */
  static async open(options: EngineOptions = {}): Promise<Engine> {
    return new Engine(await openContext(options));
  }

  async run(config: ContainerConfig, options: StartNewOptions = {}): Promise<ContainerHandle> {
    const request = { config, name: config.name ?? '' };
    const { record } = single(await runContainers(this.#context, [request], options));
    return containerHandle(this.#context, record);
  }

  async runAttached(
    config: ContainerConfig,
    options: RunOptions,
  ): Promise<{ readonly container: ContainerHandle; readonly process: RunningProcess }> {
    const request = { config, name: config.name ?? '' };
    const { record, process } = await runAttached(this.#context, request, options);
    return { container: containerHandle(this.#context, record), process };
  }

  async runMany(
    config: ContainerConfig,
    count: number,
    options: StartNewOptions = {},
  ): Promise<readonly BatchResult<ContainerHandle>[]> {
    const news = Array.from({ length: count }, (_, index) => ({
      config,
      name: config.name === undefined ? '' : `${config.name}-${index + 1}`,
    }));
    const results = await runContainers(this.#context, news, options);
    return results.map((result) =>
      result.ok
        ? { ...result, value: containerHandle(this.#context, result.value.record) }
        : result,
    );
  }

  async create(config: ContainerConfig, options: BatchOptions = {}): Promise<ContainerHandle> {
    const request = { config, name: config.name ?? '' };
    const record = single(await createContainers(this.#context, [request], options));
    return containerHandle(this.#context, record);
  }

  async get(reference: string): Promise<ContainerHandle> {
    return containerHandle(this.#context, this.#context.records.containers.resolve(reference));
  }

  events(options?: EventOptions): AsyncIterable<EngineEvent> {
    return engineEvents(this.#context, options);
  }

  /** Closes connections and records. Containers go on. */
  async close(): Promise<void> {
    this.#closed ??= closeContext(this.#context);
    await this.#closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

async function closeContext({ host, records, reclaimer }: EngineContext): Promise<void> {
  await reclaimer.idle();
  await host.close();
  await records.close();
}
