import type { ContainerInspection } from '../../engine/contract.js';
import { dockerTime } from './time.js';

/** Of a check that was ended: Docker has -1 for it. */
const noExitCode = -1;

function healthOf({ state, healthLog }: ContainerInspection): object | undefined {
  if (state.health === 'none') return undefined;
  const log = healthLog.map(({ startedAtMs, finishedAtMs, exitCode, output }) => ({
    Start: dockerTime(startedAtMs),
    End: dockerTime(finishedAtMs),
    ExitCode: exitCode ?? noExitCode,
    Output: output,
  }));
  return { Status: state.health, FailingStreak: state.failingStreak, Log: log };
}

/** `State` of Docker's inspect. */
export function containerState(inspection: ContainerInspection): object {
  const { record, state } = inspection;
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
    Health: healthOf(inspection),
  };
}
