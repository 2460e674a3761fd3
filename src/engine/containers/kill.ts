import type { ContainerRecord } from '../../model/container.js';
import { parseSignal, signalName } from '../../model/signals.js';
import { requireStatus } from '../../model/status.js';
import { runBatch, signalsInFlight } from '../batch.js';
import type { EngineContext } from '../context.js';
import type { BatchOptions, BatchResult } from '../contract.js';
import { containerEvent } from '../observe/events/container-event.js';
import { liveKeeper } from '../state/live-container.js';

const sigkill = 9;

/**
 * Sends one signal to the init of each container. SIGKILL goes to all its processes and, as in Docker, ends the container for
 * good: its restart policy does not apply. Takes no lock: it must work while another operation waits.
 */
export async function killContainers(
  context: EngineContext,
  references: readonly string[],
  options: BatchOptions & { readonly stopSignal?: string } = {},
): Promise<readonly BatchResult[]> {
  const signal = parseSignal(options.stopSignal ?? 'SIGKILL');
  const killed: ContainerRecord[] = [];
  const results = await runBatch<void>(context, references, {
    name: 'kill',
    options,
    concurrency: signalsInFlight,
    work: async (record) => {
      await killContainer(context, record, signal);
      killed.push(record);
    },
  });
  const attributes = { action: 'kill', signal: signalName(signal) } as const;
  context.journal.append(killed.map((record) => containerEvent(context, record, attributes)));
  return results;
}

async function killContainer(
  context: EngineContext,
  record: ContainerRecord,
  signal: number,
): Promise<void> {
  const { keeper, status } = await liveKeeper(context, record, 'kill');
  requireStatus('kill', status, record.name);
  if (signal === sigkill && record.spec.restart.name !== 'no') {
    await context.records.containers.change([record.id], null, (found) => ({
      ...found,
      stoppedByUser: true,
    }));
    await keeper.containers.stop(record.id, sigkill, 0);
  } else {
    await keeper.containers.signal(record.id, signal, signal === sigkill ? 'all' : 'init');
  }
}
