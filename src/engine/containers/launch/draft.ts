import { statSync } from 'node:fs';
import { errnoOf, WarrenError } from '../../../base/errors.js';
import { newId } from '../../../base/ids.js';
import type { ContainerConfig, ContainerSpec, Mount } from '../../../model/container-config.js';
import type {
  ContainerId,
  ContainerRecord,
  IdRange,
  ResolvedVolume,
} from '../../../model/container.js';
import { idsPerContainer } from '../../../model/defaults.js';
import type { Endpoint } from '../../../model/network/network.js';
import type { Image } from '../../../model/image.js';
import { normalizeConfig } from '../../../model/normalize-config.js';
import { requireContainerName } from '../../../model/validate/names.js';
import type { EngineContext } from '../../context.js';
import type { BatchOptions } from '../../contract.js';
import { cgroupPathOf } from '../../launch/cgroup-path.js';
import { wantedEndpoints } from '../../networks/endpoints.js';
import { provideImage } from '../../storage/provide-image.js';
import { withVolumesFrom } from './volumes-from.js';

/** One container to make; thousands may share one config object. */
export interface NewContainer {
  readonly config: ContainerConfig;
  /** Empty: generated. */
  readonly name: string;
}

/** What is the same for all containers of one config. */
interface Prepared {
  readonly spec: ContainerSpec;
  readonly image: Image;
  /** The container whose namespaces are joined. */
  readonly joined: ContainerRecord | null;
  /** Without their places. */
  readonly endpoints: readonly Endpoint[];
}

/** Options of the call: an image that is pulled tells how far it is, and stops when the call does. */
export interface DraftOptions extends BatchOptions {
  /** Finds the image of a config. @default in the store, else pulled as the config says */
  readonly resolve?: (reference: string) => Promise<Image>;
}

/** Makes records of containers that do not exist yet; work that a batch shares is done once. */
export class Drafts {
  readonly #context: EngineContext;
  readonly #images = new Map<string, Promise<Image>>();
  readonly #prepared = new Map<ContainerConfig, Promise<Prepared>>();

  readonly #options: DraftOptions;

  constructor(context: EngineContext, options: DraftOptions = {}) {
    this.#context = context;
    this.#options = options;
  }

  /** @throws WarrenError invalidArgument, notFound (IMAGE_NOT_FOUND, NO_SUCH_CONTAINER) */
  async draft({ config, name }: NewContainer): Promise<ContainerRecord> {
    if (name !== '') requireContainerName(name);
    let pending = this.#prepared.get(config);
    if (pending === undefined) {
      pending = this.#prepare(config);
      this.#prepared.set(config, pending);
    }
    const { spec, image, joined, endpoints } = await pending;
    const id = newId() as ContainerId;
    return {
      id,
      name,
      createdAtMs: this.#context.clock.now(),
      spec,
      ids: idsOf(spec, joined),
      layers: image.layers,
      volumes: volumesOf(this.#context, spec),
      endpoints,
      ports: [],
      cgroupPath: cgroupPathOf(this.#context, { id, spec }, this.#context.keepers.launching),
      phase: 'created',
      run: null,
      lastExit: null,
      restartCount: 0,
      stoppedByUser: false,
      fence: 0n,
    };
  }

  async #prepare(config: ContainerConfig): Promise<Prepared> {
    const image = await this.#image(config);
    const { config: resolved, joined } = resolveJoins(this.#context, config);
    const { defaultNetwork } = this.#context.settings;
    const complete = withNetwork(withVolumesFrom(this.#context, resolved), defaultNetwork);
    const spec = normalizeConfig(complete, image);
    for (const mount of spec.mounts) requireSource(mount);
    const endpoints = await wantedEndpoints(this.#context, spec);
    return { spec, image, joined, endpoints };
  }

  #image(config: ContainerConfig): Promise<Image> {
    const key = [config.image, config.platform, config.pull].join(' ');
    let image = this.#images.get(key);
    if (image === undefined) {
      const { resolve } = this.#options;
      image =
        resolve === undefined
          ? provideImage(this.#context, config, this.#options)
          : resolve(config.image);
      this.#images.set(key, image);
    }
    return image;
  }
}

const unallocated: IdRange = { base: 0, count: idsPerContainer };

/** A joined namespace belongs to its owner's user namespace: the ids are those of that container. */
function idsOf(spec: ContainerSpec, joined: ContainerRecord | null): IdRange | null {
  if (joined !== null) return joined.ids;
  return spec.userns === 'private' ? unallocated : null;
}

/** Where the engine is told what containers get that name no network. */
function withNetwork(config: ContainerConfig, network: string): ContainerConfig {
  const { networks = [] } = config;
  return config.network === undefined && networks.length === 0 ? { ...config, network } : config;
}

/** `container:web` becomes `container:<id>`, so that a rename does not matter. */
function resolveJoins(
  context: EngineContext,
  config: ContainerConfig,
): { readonly config: ContainerConfig; readonly joined: ContainerRecord | null } {
  const found = new Map<string, ContainerRecord>();
  const resolve = <T extends string | undefined>(mode: T): T => {
    if (!mode?.startsWith('container:')) return mode;
    const record = context.records.containers.resolve(mode.slice('container:'.length));
    found.set(record.id, record);
    return `container:${record.id}` as T;
  };
  const network = resolve(config.network);
  const pid = resolve(config.pid);
  const ipc = resolve(config.ipc);
  requireShareableIpc(found.get(ipc?.slice('container:'.length) ?? ''));
  const [joined] = found.values();
  const joins = {
    ...(network === undefined ? {} : { network }),
    ...(pid === undefined ? {} : { pid }),
    ...(ipc === undefined ? {} : { ipc }),
  };
  return { config: { ...config, ...joins }, joined: joined ?? null };
}

/** Docker's rule: what is private was promised to nobody else. */
function requireShareableIpc(owner: ContainerRecord | undefined): void {
  if (owner === undefined || (owner.spec.ipc !== 'private' && owner.spec.ipc !== 'none')) return;
  throw new WarrenError(
    'conflict',
    'IPC_NOT_SHAREABLE',
    `Cannot join the IPC namespace of container ${owner.name}: it is not shareable`,
    { hint: 'Create that one with --ipc shareable' },
  );
}

function requireSource(mount: Mount): void {
  if (mount.type !== 'bind' || mount.createSource === true) return;
  try {
    statSync(mount.source);
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT' && errnoOf(error) !== 'ENOTDIR') throw error;
    throw new WarrenError(
      'invalidArgument',
      'BIND_SOURCE_MISSING',
      `Invalid mount config for type "bind": bind source path does not exist: ${mount.source}`,
      { hint: 'Make it first, or use --volume, which makes a directory', cause: error },
    );
  }
}

/** An anonymous volume of another container stays anonymous: the last that has it removes it. */
function volumesOf(context: EngineContext, spec: ContainerSpec): readonly ResolvedVolume[] {
  const volumes: ResolvedVolume[] = [];
  for (const mount of spec.mounts) {
    if (mount.type !== 'volume') continue;
    const { source, target } = mount;
    const anonymous = source === '' || context.records.volumes.get(source)?.anonymous === true;
    volumes.push({ target, name: source === '' ? newId() : source, anonymous });
  }
  return volumes;
}
