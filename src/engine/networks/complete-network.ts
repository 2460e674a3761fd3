import type { ContainerRecord } from '../../model/container.js';
import { routerLink } from '../../model/network.js';
import { hasPorts } from '../../model/status.js';
import type { EngineContext } from '../context.js';
import { withContainerLock } from '../state/container-lock.js';
import { readState } from '../state/read-states.js';
import { connectRunning } from './connect.js';
import { admitPorts, keepForRestarts } from './live-ports.js';

/** Gives a running container the networks and ports that its record says, after a process died that was changing them. */
export async function completeNetwork(
  context: EngineContext,
  container: ContainerRecord,
): Promise<void> {
  await withContainerLock(context, container, {
    operation: 'network',
    work: async ({ record }) => {
      const { status } = await readState(context, record);
      const keeper = await context.keepers.running(record.run?.keeper ?? 0);
      if (!hasPorts(status) || keeper === null) return;
      const links = new Set(await context.router.links());
      const isMissing = (endpoint: ContainerRecord['endpoints'][number]): boolean => {
        const driver = context.records.networks.get(endpoint.network)?.driver;
        // A macvlan has no end in the router to tell by.
        return driver !== undefined && driver !== 'macvlan' && !links.has(routerLink(endpoint));
      };
      for (const endpoint of record.endpoints.filter(isMissing))
        await connectRunning(context, record, endpoint);
      await admitPorts(context, keeper, record);
      keepForRestarts(context, record);
    },
  });
}
