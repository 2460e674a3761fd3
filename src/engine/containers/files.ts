import type { ContainerRecord } from '../../model/container.js';
import type { ContainerFiles } from '../../storage/driver.js';
import type { EngineContext } from '../context.js';
import type { ContainerFileOperations } from '../contract.js';
import { readState } from '../state/read-states.js';
import { withMountPoints } from '../../storage/mount-points.js';
import { requireStatus } from '../../model/status.js';

/** Files of a container: of its init's root while it runs, of its layers otherwise. */
export function containerFiles(
  context: EngineContext,
  record: () => ContainerRecord,
): ContainerFileOperations {
  const files = async (): Promise<ContainerFiles> => {
    const current = record();
    const { pid, status } = await readState(context, current);
    requireStatus('copy', status, current.name);
    return context.files(current, pid);
  };
  return {
    stat: async (path) => await (await files()).stat(path),
    copyOut: async (path, options) =>
      await (await files()).archive(path, { followLink: options?.followLink ?? false }),
    copyIn: async (path, archive) => {
      await (await files()).extract(path, archive, { overwriteDirWithFile: false });
    },
    diff: async () => {
      const { id, layers } = record();
      return await context.storage.diff(id, withMountPoints(layers));
    },
    export: async () => await (await files()).export(),
  };
}
