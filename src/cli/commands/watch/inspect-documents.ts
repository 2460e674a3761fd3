import { containerDocument } from '../../../api/shape/container-inspect.js';
import { imageDocument } from '../../../api/shape/image-inspect.js';
import { networkDocument } from '../../../api/shape/network-inspect.js';
import { volumeDocument } from '../../../api/shape/volume-inspect.js';
import { isWarrenError, WarrenError } from '../../../base/errors.js';
import type { ContainerHandle, EngineApi } from '../../../engine/contract.js';

export const inspectable = ['container', 'image', 'volume', 'network'] as const;
export type Inspectable = (typeof inspectable)[number];

export interface InspectOptions {
  /** Only this kind; undefined: the first kind that has the name. */
  readonly type: Inspectable | undefined;
  /** Sizes of a container's files too. */
  readonly size: boolean;
}

async function volumePaths(
  engine: EngineApi,
  handle: ContainerHandle,
): Promise<ReadonlyMap<string, string>> {
  if (!handle.spec.mounts.some(({ type }) => type === 'volume')) return new Map();
  const volumes = await engine.volumes.list();
  return new Map(volumes.map(({ name, mountPoint }) => [name, mountPoint]));
}

async function inspectContainer(engine: EngineApi, name: string, size: boolean): Promise<object> {
  const handle = await engine.get(name);
  return containerDocument(await handle.inspect({ size }), {
    volumePaths: await volumePaths(engine, handle),
    networks: await engine.networks.list(),
  });
}

async function inspectNetwork(engine: EngineApi, name: string): Promise<object> {
  const network = await engine.networks.get(name);
  const containers = await engine.containers.list({ all: true });
  return networkDocument(
    network,
    containers.map(({ record }) => record),
  );
}

async function inspectAs(
  engine: EngineApi,
  name: string,
  { type, size }: InspectOptions & { readonly type: Inspectable },
): Promise<object> {
  switch (type) {
    case 'container':
      return inspectContainer(engine, name, size);
    case 'image':
      return imageDocument(await engine.images.get(name));
    case 'volume':
      return volumeDocument(await engine.volumes.get(name));
    case 'network':
      return inspectNetwork(engine, name);
  }
}

/** The document of one object: container, image, volume or network, in this order. Throws notFound. */
export async function inspectObject(
  engine: EngineApi,
  name: string,
  options: InspectOptions,
): Promise<object> {
  if (options.type !== undefined)
    return inspectAs(engine, name, { ...options, type: options.type });
  for (const type of inspectable) {
    try {
      return await inspectAs(engine, name, { ...options, type });
    } catch (error) {
      // A name that is no container may be no valid name of one either.
      if (!isWarrenError(error, 'notFound') && !isWarrenError(error, 'invalidArgument'))
        throw error;
    }
  }
  throw new WarrenError('notFound', 'NO_SUCH_OBJECT', `No such object: ${name}`, {
    hint: 'warren ps -a, warren image ls and warren volume ls list what there is',
  });
}
