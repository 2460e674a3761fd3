import type { ContainerRecord } from '../../../model/container.js';
import type { RunningProcess } from '../../../model/exec.js';
import { single } from '../../batch.js';
import type { EngineContext } from '../../context.js';
import type { RunOptions } from '../../contract.js';
import { attachedProcess, attachWishes } from './attached-process.js';
import { createChunk, draftAll } from './create.js';
import { Drafts, type NewContainer } from './draft.js';
import { launchNew, startedRecord } from './run.js';

export interface AttachedRun {
  readonly record: ContainerRecord;
  readonly process: RunningProcess;
}

/**
 * Creates and starts one container with the streams of its process. A container that goes with its end (`autoRemove`) keeps its
 * intent until then: when this process is killed first, the next engine that opens takes over.
 */
export async function runAttached(
  context: EngineContext,
  request: NewContainer,
  options: RunOptions,
): Promise<AttachedRun> {
  const { attach = {}, dieWithOwner, signal, onCreated } = options;
  const created = await createChunk(
    context,
    await draftAll(new Drafts(context, options), [request]),
    {
      operation: 'run',
      begin: (draft) => startedRecord(context, draft),
    },
  );
  const settled = (): void => {
    context.records.intents.endSoon(created.intent);
  };
  try {
    const record = single(created.results);
    const launched = await launchNew(context, record, {
      ...attachWishes(record, attach),
      ownerBound: dieWithOwner,
      watched: true,
      signal,
      onCreated,
    });
    const process = attachedProcess(context, record, {
      launched,
      ended: record.spec.autoRemove ? settled : () => undefined,
    });
    if (!record.spec.autoRemove) settled();
    return { record, process };
  } catch (error) {
    // What could not be undone keeps its intent: the next engine that opens tries again.
    if (!(error instanceof AggregateError)) settled();
    throw error;
  }
}
