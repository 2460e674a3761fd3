import { WarrenError } from '../base/errors.js';
import type { ContainerStatus } from './container.js';

export type StatusAction =
  | 'start'
  | 'stop'
  | 'kill'
  | 'pause'
  | 'unpause'
  | 'exec'
  | 'attach'
  | 'remove'
  | 'rename'
  | 'update'
  | 'resize'
  | 'top'
  | 'stats'
  | 'copy';

/** In which status an action is possible. The only place that says so. */
const allowed: Readonly<Record<StatusAction, readonly ContainerStatus[]>> = {
  start: ['created', 'exited'],
  stop: ['running', 'paused', 'restarting'],
  kill: ['running', 'paused', 'restarting'],
  pause: ['running'],
  unpause: ['paused'],
  exec: ['running'],
  attach: ['running', 'paused', 'restarting'],
  remove: ['created', 'exited', 'dead', 'removing'],
  rename: ['created', 'running', 'paused', 'restarting', 'exited'],
  update: ['created', 'running', 'paused', 'restarting', 'exited'],
  resize: ['running', 'paused'],
  top: ['running', 'paused'],
  stats: ['running', 'paused'],
  copy: ['created', 'running', 'paused', 'restarting', 'exited'],
};

export function canDo(action: StatusAction, status: ContainerStatus): boolean {
  return allowed[action].includes(status);
}

export function canStart(status: ContainerStatus): boolean {
  return canDo('start', status);
}

/** A process of the container exists. */
export function isLive(status: ContainerStatus): boolean {
  return status === 'running' || status === 'paused';
}

/** It holds its published ports, between two runs too. */
export function hasPorts(status: ContainerStatus): boolean {
  return isLive(status) || status === 'restarting';
}

const hints: Readonly<Partial<Record<ContainerStatus, string>>> = {
  created: 'Start the container first',
  exited: 'Start the container first',
  paused: 'Unpause the container first',
  running: 'Stop the container first, or use force',
  restarting: 'Stop the container first, or use force',
};

/**
 * @throws WarrenError conflict naming action, container and status: `Cannot pause container web: it is exited`
 */
export function requireStatus(action: StatusAction, status: ContainerStatus, name: string): void {
  if (canDo(action, status)) return;
  const hint = hints[status];
  throw new WarrenError(
    'conflict',
    isLive(status) ? 'CONTAINER_RUNNING' : 'CONTAINER_NOT_RUNNING',
    `Cannot ${action} container ${name}: it is ${status}`,
    { details: { status, container: name }, ...(hint === undefined ? {} : { hint }) },
  );
}
