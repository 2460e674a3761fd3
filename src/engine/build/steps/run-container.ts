import type { Readable } from 'node:stream';
import type { ContainerConfig } from '../../../model/container-config.js';
import type { Image } from '../../../model/image.js';
import { single } from '../../batch.js';
import { attachedProcess } from '../../containers/launch/attached-process.js';
import { createChunk, draftAll } from '../../containers/launch/create.js';
import { Drafts } from '../../containers/launch/draft.js';
import { removeContainers } from '../../containers/remove.js';
import { launchNew, startedRecord } from '../../containers/launch/run.js';
import type { EngineContext } from '../../context.js';

export interface StepContainer {
  readonly config: ContainerConfig;
  readonly image: Image;
  /** Called while the container's files are still there. */
  readonly onSuccess: (id: string) => Promise<void>;
  readonly onOutput: (text: string) => void;
  readonly signal?: AbortSignal;
}

export interface StepExit {
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly oomKilled: boolean;
}

/**
 * Runs one step of a build in a container of its own, which is removed at the end, whatever happens: it dies with this
 * process, and an intent has the next engine that opens remove what a killed process left.
 */
export async function runStepContainer(
  context: EngineContext,
  { config, image, onSuccess, onOutput, signal }: StepContainer,
): Promise<StepExit> {
  const drafts = new Drafts(context, { resolve: async () => image });
  const created = await createChunk(context, await draftAll(drafts, [{ config, name: '' }]), {
    operation: 'build',
    begin: (draft) => startedRecord(context, draft),
  });
  let id: string | undefined;
  try {
    const record = single(created.results);
    ({ id } = record);
    const launched = await launchNew(context, record, {
      streams: { stdin: false, stdout: true, stderr: true },
      ownerBound: true,
      watched: true,
      signal,
    });
    const running = attachedProcess(context, record, { launched });
    const kill = (): void => {
      running.kill('SIGKILL').catch(() => undefined);
    };
    signal?.addEventListener('abort', kill, { once: true });
    try {
      const outputs = [running.stdout, running.stderr].map((stream) => drain(stream, onOutput));
      const exit = await running.exit;
      await Promise.all(outputs);
      signal?.throwIfAborted();
      if (exit.exitCode === 0) await onSuccess(record.id);
      return exit;
    } finally {
      signal?.removeEventListener('abort', kill);
    }
  } finally {
    if (id !== undefined) await remove(context, id);
    await context.records.intents.end(created.intent);
  }
}

async function remove(context: EngineContext, id: string): Promise<void> {
  const [result] = await removeContainers(context, [id], { force: true, volumes: true });
  if (result !== undefined && !result.ok && result.error.kind !== 'notFound') throw result.error;
}

async function drain(stream: Readable | null, onOutput: (text: string) => void): Promise<void> {
  if (stream === null) return;
  const decoder = new TextDecoder();
  for await (const chunk of stream) {
    const text = decoder.decode(chunk as Buffer, { stream: true });
    if (text !== '') onOutput(text);
  }
}
