import type { ContainerRecord } from '../../model/container.js';
import type { RunningProcess } from '../../model/exec.js';
import type { EngineContext } from '../context.js';
import type { AttachOptions } from '../contract.js';
import { liveKeeper } from '../state/live-container.js';
import { runningProcess } from './running-process.js';

/** Connects to the streams of a running container from now on. */
export async function attachContainer(
  context: EngineContext,
  record: ContainerRecord,
  options: AttachOptions = {},
): Promise<RunningProcess> {
  const { keeper, pid } = await liveKeeper(context, record, 'attach');
  const { stdin = false, terminal, signal } = options;
  const streams = await keeper.attach({
    container: record.id,
    streams: { stdin, stdout: true, stderr: !record.spec.tty },
    ...(terminal === undefined ? {} : { terminal }),
    ...(signal === undefined ? {} : { signal }),
  });
  return runningProcess(streams, { pid });
}

/** Sets the size of a container's terminal. */
export async function resizeContainer(
  context: EngineContext,
  record: ContainerRecord,
  size: { readonly columns: number; readonly rows: number },
): Promise<void> {
  const { keeper } = await liveKeeper(context, record, 'resize');
  await keeper.containers.resize(record.id, size);
}
