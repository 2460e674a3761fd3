import { describe } from 'vitest';
import { describeAsRoot } from '../privileges.js';
import { cTests, file, folder, harness } from './c-tests.js';

describe('policies in fake time', () => {
  const policies = ['policy/lease.c', 'policy/restart.c', 'policy/health.c'].map(file);
  cTests('policy', [...policies, ...folder('base')]);
});

describeAsRoot('reconcile', () => {
  cTests('reconcile', [file('policy/reconcile.c'), ...harness()]);
});
