import type { KeeperEvent } from '../../../host/port.js';
import type { ContainerEvent } from '../../../model/events.js';
import { exitInfo } from '../../state/exit-info.js';
import type { EventDetail } from './container-event.js';

const plainActions = {
  started: 'start',
  oom: 'oom',
  paused: 'pause',
  unpaused: 'unpause',
  restarting: 'restart',
  attach: 'attach',
  detach: 'detach',
  adopted: 'adopted',
} as const satisfies Partial<Record<KeeperEvent['kind'], ContainerEvent['action']>>;

/** What a keeper tells, in the words of the engine. */
export function detailOf(event: KeeperEvent): EventDetail | null {
  switch (event.kind) {
    case 'exited':
      return { action: 'die', exit: exitInfo(event.exit) };
    case 'health': {
      const [health = '', ...output] = event.detail.split('\n');
      return { action: 'health_status', health: healthOf(health), output: output.join('\n') };
    }
    case 'exec-started':
      return { action: 'exec_start', pid: event.pid };
    case 'exec-exited':
      return { action: 'exec_die', pid: event.pid, exit: exitInfo(event.exit) };
    case 'lease':
      return { action: 'lease_expired', lease: leaseOf(event.detail) };
    case 'log-dropped':
      return { action: 'log_dropped', lines: Number(event.detail) || 0 };
    default:
      return { action: plainActions[event.kind] };
  }
}

function healthOf(text: string): 'starting' | 'healthy' | 'unhealthy' {
  return text === 'healthy' || text === 'unhealthy' ? text : 'starting';
}

function leaseOf(text: string): 'ttl' | 'idle' | 'owner' {
  return text === 'ttl' || text === 'idle' ? text : 'owner';
}
