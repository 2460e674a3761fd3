import { isWarrenError, WarrenError } from '../../base/errors.js';
import type { ContainerConfig } from '../../model/container-config.js';
import type { Image } from '../../model/image.js';
import { parseReference } from '../../image/reference.js';
import type { EngineContext } from '../context.js';
import type { BatchOptions } from '../contract.js';

type Wanted = Pick<ContainerConfig, 'image' | 'platform' | 'pull'>;

/**
 * The image of a container to make: from the store, built when it is a built-in one that needs no network, or pulled, as the config's
 * `pull` allows.
 * @throws WarrenError notFound (IMAGE_NOT_FOUND, PLATFORM_NOT_FOUND), and what a pull throws
 */
export async function provideImage(
  context: EngineContext,
  wanted: Wanted,
  options: BatchOptions,
): Promise<Image> {
  const { image: reference, platform, pull = 'never' } = wanted;
  if (pull === 'always') return await pulled(context, wanted, options);
  const isPresent = (): boolean => context.transfers.isPresent(reference, platform);
  if (platform !== undefined && isPresent()) return await context.images.ensure(reference);
  try {
    const image = await context.images.ensure(reference, options);
    if (platform === undefined || isPresent()) return image;
  } catch (error) {
    if (pull === 'never' || !isWarrenError(error, 'notFound', 'IMAGE_NOT_FOUND')) throw error;
    if (!isPullable(reference)) throw error;
    options.onProgress?.({
      kind: 'step',
      name: `Unable to find image '${reference}' locally`,
      detail: '',
    });
    return await pulledInstead(context, wanted, { options, missing: error });
  }
  if (pull === 'missing') return await pulled(context, wanted, options);
  throw new WarrenError(
    'notFound',
    'PLATFORM_NOT_FOUND',
    `No such image: ${reference} for platform ${platform ?? ''}`,
    { hint: `Pull it: warren pull --platform ${platform ?? ''} ${reference}` },
  );
}

/** Ids and digests alone say no registry. */
function isPullable(reference: string): boolean {
  const parsed = parseReference(reference);
  return parsed.kind === 'name' ? !reference.startsWith('sha256:') : parsed.name !== null;
}

async function pulledInstead(
  context: EngineContext,
  wanted: Wanted,
  { options, missing }: { readonly options: BatchOptions; readonly missing: WarrenError },
): Promise<Image> {
  try {
    return await pulled(context, wanted, options);
  } catch (error) {
    throw isWarrenError(error, 'permissionDenied', 'REGISTRY_BLOCKED') ? missing : error;
  }
}

async function pulled(
  { images, transfers }: EngineContext,
  { image, platform }: Wanted,
  options: BatchOptions,
): Promise<Image> {
  const result = await transfers.pull(image, {
    ...(platform === undefined ? {} : { platform }),
    ...(options.signal === undefined ? {} : { signal: options.signal }),
    ...(options.onProgress === undefined ? {} : { onProgress: options.onProgress }),
  });
  return await images.get(result.manifest);
}
