import { formatAge } from '../../base/units.js';
import type { ContainerState, ExitInfo } from '../../model/container.js';

/** What a status is worded from: a list entry's state. */
export type StatusSource = Pick<ContainerState, 'status' | 'startedAtMs' | 'lastExit' | 'health'>;

function exitCode(exit: ExitInfo | null): string {
  return exit?.code === null || exit === null ? 'unknown' : String(exit.code);
}

function ago(exit: ExitInfo | null, nowMs: number): string {
  if (exit === null || exit.finishedAtMs === 0) return '';
  return ` ${formatAge(nowMs - exit.finishedAtMs)} ago`;
}

function health(state: StatusSource): string {
  if (state.health === 'none') return '';
  return state.health === 'starting' ? ' (health: starting)' : ` (${state.health})`;
}

/** Docker's STATUS column: `Up 3 minutes (healthy)`, `Exited (137) 2 hours ago`. */
export function statusText(state: StatusSource, nowMs: number): string {
  const up = `Up ${formatAge(nowMs - state.startedAtMs)}`;
  switch (state.status) {
    case 'created':
      return 'Created';
    case 'running':
      return `${up}${health(state)}`;
    case 'paused':
      return `${up} (Paused)`;
    case 'restarting':
      return `Restarting (${exitCode(state.lastExit)})${ago(state.lastExit, nowMs)}`;
    case 'removing':
      return 'Removal In Progress';
    case 'exited':
      return `Exited (${exitCode(state.lastExit)})${ago(state.lastExit, nowMs)}`;
    case 'dead':
      return 'Dead';
  }
}
