import type { ContainerRecord } from '../../../model/container.js';
import type { EngineContext } from '../../context.js';
import { dismissLater } from '../../networks/firewall.js';
import { dismissPorts } from '../../networks/ports/host-ports.js';
import { unshapeLater } from '../../networks/rates.js';
import { containerEvent } from '../../observe/events/container-event.js';
import { releaseVolumes } from '../../storage/container-volumes.js';

export interface DiscardOptions {
  /** Anonymous volumes too. @default true */
  readonly volumes?: boolean;
  /** Of the lock; null: the container has no other user. @default null */
  readonly fence?: bigint | null;
}

/**
 * Removes all that is left of a container without processes. Files go first (renamed away at once), the record last: as long as
 * anything is there, a record explains it.
 */
export async function discardContainer(
  context: EngineContext,
  record: ContainerRecord,
  { volumes = true, fence = null }: DiscardOptions = {},
): Promise<void> {
  await dismissLater(context, record);
  await dismissPorts(context, [record]);
  await unshapeLater(context, record);
  await context.storage.remove(record.id);
  context.reclaimer.schedule();
  if (volumes) await releaseVolumes(context, record);
  await context.records.containers.change([record.id], fence, () => null);
  context.journal.append([containerEvent(context, record, { action: 'destroy' })]);
}
