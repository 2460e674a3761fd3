import { describe, expect, test } from 'vitest';
import type { ContainerStatus } from '../../../src/model/container.js';
import { canDo, requireStatus, type StatusAction } from '../../../src/model/status.js';

const statuses: ContainerStatus[] = [
  'created',
  'running',
  'paused',
  'restarting',
  'removing',
  'exited',
  'dead',
];

describe('the status table', () => {
  test.each<[StatusAction, ContainerStatus[]]>([
    ['start', ['created', 'exited']],
    ['stop', ['running', 'paused', 'restarting']],
    ['pause', ['running']],
    ['unpause', ['paused']],
    ['exec', ['running']],
    ['remove', ['created', 'removing', 'exited', 'dead']],
  ])('allows %s in %j only', (action, allowed) => {
    expect(statuses.filter((status) => canDo(action, status))).toEqual(allowed);
  });

  test('says what cannot be done to which container and why', () => {
    expect(() => {
      requireStatus('pause', 'exited', 'web');
    }).toThrow('Cannot pause container web: it is exited');
    requireStatus('pause', 'running', 'web');
  });
});
