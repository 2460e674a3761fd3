import type { ContainerSummary } from '../../engine/contract.js';
import type { ContainerState } from '../../model/container.js';
import { dockerTime } from './time.js';

function healthOf(state: ContainerState): object | undefined {
  if (state.health === 'none') return undefined;
  return { Status: state.health, FailingStreak: state.failingStreak, Log: [] };
}

/** `State` of Docker's inspect. */
export function containerState({ record, state }: ContainerSummary): object {
  const { status, lastExit } = state;
  const runs = status === 'running' || status === 'paused' || status === 'restarting';
  const ended = status === 'exited' || status === 'dead' ? lastExit : null;
  return {
    Status: status,
    Running: runs,
    Paused: status === 'paused',
    Restarting: status === 'restarting',
    OOMKilled: ended?.oomKilled ?? false,
    Dead: status === 'dead',
    Pid: state.pid,
    // An end that nobody saw has no code: Docker's clients expect a number.
    ExitCode: ended === null ? 0 : (ended.code ?? 255),
    Error: ended !== null && ended.code === null ? 'The end was not seen: exit code unknown' : '',
    StartedAt: dockerTime(
      state.startedAtMs === 0 ? (record.lastExit?.startedAtMs ?? 0) : state.startedAtMs,
    ),
    FinishedAt: dockerTime(lastExit?.finishedAtMs ?? 0),
    Health: healthOf(state),
  };
}
