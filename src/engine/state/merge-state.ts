import type { KeeperState } from '../../host/port.js';
import type { ContainerRecord, ContainerState, ContainerStatus } from '../../model/container.js';
import { exitInfo, unknownExit } from './exit-info.js';

export interface Moment {
  readonly bootId: string;
  /** What the keeper of the record's run says; undefined: nothing. */
  readonly keeper: KeeperState | undefined;
  /** A living process announced that it is launching this container. */
  readonly launching: boolean;
}

const statusOfPhase: Readonly<
  Record<Exclude<ContainerRecord['phase'], 'started'>, ContainerStatus>
> = { created: 'created', exited: 'exited', removing: 'removing', dead: 'dead' };

const statusOfKeeper: Readonly<Record<KeeperState['status'], ContainerStatus>> = {
  starting: 'running',
  running: 'running',
  paused: 'paused',
  restarting: 'restarting',
  exited: 'exited',
};

/**
 * The truth of one moment. The record never proves that something runs: only the keeper does, for the run (generation) that
 * the record names or a later one that the keeper started itself.
 */
export function mergeState(record: ContainerRecord, moment: Moment): ContainerState {
  const { keeper } = moment;
  if (record.phase !== 'started' || record.run === null) return stateOfRecord(record);
  const sameBoot = record.run.bootId === moment.bootId;
  if (sameBoot && keeper !== undefined && keeper.generation >= record.run.generation) {
    return stateOfKeeper(record, keeper);
  }
  if (sameBoot && moment.launching) {
    return { ...stateOfRecord(record), status: record.lastExit === null ? 'created' : 'exited' };
  }
  return {
    ...stateOfRecord(record),
    status: 'exited',
    startedAtMs: record.run.startedAtMs,
    lastExit: unknownExit(record.run.startedAtMs),
  };
}

function stateOfRecord(record: ContainerRecord): ContainerState {
  return {
    status: record.phase === 'started' ? 'exited' : statusOfPhase[record.phase],
    pid: 0,
    startedAtMs: record.lastExit?.startedAtMs ?? 0,
    lastExit: record.lastExit,
    restartCount: record.restartCount,
    health: 'none',
    failingStreak: 0,
  };
}

function stateOfKeeper(record: ContainerRecord, keeper: KeeperState): ContainerState {
  const ended = keeper.exit.how !== 'none';
  return {
    // A start by the keeper itself is the end of a wait, not yet something that answers.
    status:
      keeper.status === 'starting' && keeper.restarts > 0
        ? 'restarting'
        : statusOfKeeper[keeper.status],
    pid: keeper.pid,
    startedAtMs: keeper.startedAtMs,
    lastExit: ended ? exitInfo(keeper.exit) : record.lastExit,
    restartCount: record.restartCount + keeper.restarts,
    health: keeper.health,
    failingStreak: keeper.failingStreak,
  };
}
