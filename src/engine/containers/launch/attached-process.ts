import type { KeeperExit, Launched } from '../../../host/port.js';
import type { ContainerRecord } from '../../../model/container.js';
import type { RunningProcess } from '../../../model/exec.js';
import type { EngineContext } from '../../context.js';
import type { AttachOptions } from '../../contract.js';
import type { LaunchWishes } from '../../launch/launch-container.js';
import { runningProcess } from '../../processes/running-process.js';
import { commitExit } from '../../state/commit-exits.js';
import { exitInfo } from '../../state/exit-info.js';
import { removeExited } from './auto-remove.js';

/** What a launch gives to who attaches to it from its start. */
export function attachWishes(
  { spec }: Pick<ContainerRecord, 'spec'>,
  { stdin = false, terminal }: AttachOptions,
): Pick<LaunchWishes, 'streams' | 'terminal'> {
  return {
    streams: { stdin, stdout: true, stderr: !spec.tty },
    terminal: spec.tty ? terminal : undefined,
  };
}

/**
 * The process of a container that was launched with its streams. Whoever holds it does what follows its end: the exit is
 * committed and an `autoRemove` container removed before `exit` settles.
 */
export function attachedProcess(
  context: EngineContext,
  record: ContainerRecord,
  { launched, ended }: AttachedLaunch,
): RunningProcess {
  return runningProcess(launched, {
    pid: launched.pid,
    ended: async (end) => {
      await settleEnd(context, record, end);
      ended?.();
    },
  });
}

export interface AttachedLaunch {
  readonly launched: Launched;
  /** After the end is committed. */
  readonly ended?: () => void;
}

async function settleEnd(
  context: EngineContext,
  record: ContainerRecord,
  end: KeeperExit,
): Promise<void> {
  const current = context.records.containers.get(record.id);
  if (current === undefined || current.run === null) return;
  const keeper = await context.keepers.running(current.run.keeper);
  const [state] = (await keeper?.containers.list([record.id])) ?? [];
  // A restart policy has begun the next run.
  if (state !== undefined && state.status !== 'exited') return;
  if (await removeExited(context, current)) return;
  await commitExit(context, current.id, {
    exit: exitInfo(end),
    generation: state?.generation ?? current.run.generation,
    restarts: state?.restarts ?? 0,
  });
}
