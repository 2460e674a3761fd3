import { describe } from 'vitest';
import { describeAsRoot } from '../privileges.js';
import { cTests, file, folder, harness, support } from './c-tests.js';

describe('policies in fake time', () => {
  const time = [
    support('fake-time.c'),
    file('policy/lease.c'),
    file('policy/restart.c'),
    ...folder('base'),
  ];
  cTests('policy', time);
  cTests('health', [file('policy/health.c'), ...time]);
});

describeAsRoot('reconcile', () => {
  cTests('reconcile', [file('policy/reconcile.c'), file('policy/program.c'), ...harness()]);
  cTests('service', [file('policy/service.c'), file('policy/program.c'), ...harness()]);
});
