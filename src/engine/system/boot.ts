import type { ContainerRecord } from '../../model/container.js';
import type { EngineContext } from '../context.js';
import type { BatchOptions, BatchResult } from '../contract.js';
import { startContainers } from '../containers/launch/start.js';
import { reconcile } from './reconcile.js';

/** Whether a container is started again after the machine was. */
function comesBack({ spec, stoppedByUser, phase }: ContainerRecord): boolean {
  switch (spec.restart.name) {
    case 'always':
      return phase !== 'created';
    case 'unless-stopped':
      return phase !== 'created' && !stoppedByUser;
    case 'on-failure':
    case 'no':
      return false;
  }
}

/** After a reboot: restart policies are applied to what ended with the old boot. */
export async function boot(
  context: EngineContext,
  options: BatchOptions = {},
): Promise<readonly BatchResult[]> {
  await reconcile(context);
  const { bootId } = context.facts;
  const returning = context.records.containers
    .list()
    .filter((record) => record.phase === 'exited' && comesBack(record))
    .filter(({ run }) => run?.bootId !== bootId);
  return await startContainers(
    context,
    returning.map(({ id }) => id),
    options,
  );
}
