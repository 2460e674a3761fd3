import { runBatch } from '../batch.js';
import type { EngineContext } from '../context.js';
import type { BatchOptions, BatchResult } from '../contract.js';
import { liveKeeper } from '../state/live-container.js';

/** Freezes all processes of running containers. */
export async function pauseContainers(
  context: EngineContext,
  references: readonly string[],
  options: BatchOptions = {},
): Promise<readonly BatchResult[]> {
  return await freeze(context, references, { action: 'pause', options });
}

/** Lets paused containers go on. */
export async function unpauseContainers(
  context: EngineContext,
  references: readonly string[],
  options: BatchOptions = {},
): Promise<readonly BatchResult[]> {
  return await freeze(context, references, { action: 'unpause', options });
}

async function freeze(
  context: EngineContext,
  references: readonly string[],
  { action, options }: { readonly action: 'pause' | 'unpause'; readonly options: BatchOptions },
): Promise<readonly BatchResult[]> {
  return await runBatch<void>(context, references, {
    name: action,
    options,
    work: async (record) => {
      const { keeper } = await liveKeeper(context, record, action);
      await keeper.containers.freeze(record.id, action === 'pause');
    },
  });
}
