import type { ContainerRecord } from '../../model/container.js';
import { requireStatus } from '../../model/status.js';
import { requireContainerName } from '../../model/validate/names.js';
import type { EngineContext } from '../context.js';
import { containerEvent } from '../observe/events/container-event.js';
import { withContainerLock } from '../state/container-lock.js';
import { readState } from '../state/read-states.js';

/** @throws WarrenError conflict (NAME_IN_USE), invalidArgument (INVALID_NAME) */
export async function renameContainer(
  context: EngineContext,
  container: ContainerRecord,
  name: string,
): Promise<ContainerRecord> {
  const wanted = name.replace(/^\//, '');
  requireContainerName(wanted);
  return await withContainerLock(context, container, {
    operation: 'rename',
    work: async ({ record, fence }) => {
      const { status } = await readState(context, record);
      requireStatus('rename', status, record.name);
      const renamed = await context.records.containers.rename(record.id, wanted, fence);
      context.journal.append([
        containerEvent(context, renamed, { action: 'rename', oldName: record.name }),
      ]);
      return renamed;
    },
  });
}
