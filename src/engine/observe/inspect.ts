import { join } from 'node:path';
import { isWarrenError } from '../../base/errors.js';
import type { ContainerRecord } from '../../model/container.js';
import type { Image } from '../../model/image.js';
import type { EngineContext } from '../context.js';
import type { ContainerInspection } from '../contract.js';
import { containerPath, logPathOf } from '../launch/launch-input.js';
import { healthLog } from './health-log.js';
import { readState } from '../state/read-states.js';

/** Everything about one container. `size`: bytes of its writable layer too, which takes a walk over it. */
export async function inspectContainer(
  context: EngineContext,
  record: ContainerRecord,
  { size = false }: { readonly size?: boolean } = {},
): Promise<ContainerInspection> {
  const path = (name: string): string =>
    join(context.settings.dataRoot, containerPath(record.id, name));
  const [state, image, sizeBytes] = await Promise.all([
    readState(context, record),
    imageOf(context, record),
    size ? context.storage.size(record.id) : null,
  ]);
  return {
    record,
    state,
    image,
    paths: {
      log: logPathOf(context, record.id),
      hosts: path('hosts'),
      hostname: path('hostname'),
      resolvConf: path('resolv.conf'),
      upper: path('upper'),
    },
    sizeBytes,
    healthLog: healthLog(context, record),
  };
}

/** null when the image was removed by force since. */
async function imageOf(context: EngineContext, record: ContainerRecord): Promise<Image | null> {
  try {
    return await context.images.get(record.spec.imageId);
  } catch (error) {
    if (isWarrenError(error, 'notFound')) return null;
    throw error;
  }
}
