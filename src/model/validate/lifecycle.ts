import { isAbsolute } from 'node:path';
import { type Check, refuse, requireInteger } from './check.js';

const policies = ['no', 'on-failure', 'always', 'unless-stopped'];
const day = 86_400_000;

const restartPolicyIsKnown: Check = ({ restart, autoRemove }) => {
  if (!policies.includes(restart.name)) {
    refuse('restart', `"${restart.name}" is not one of ${policies.join(', ')}`);
  }
  requireInteger('restart.maximumRetryCount', restart.maximumRetryCount, {
    minimum: 0,
    maximum: 2 ** 31,
  });
  if (restart.maximumRetryCount > 0 && restart.name !== 'on-failure') {
    refuse('restart.maximumRetryCount', 'can only be used with the policy on-failure');
  }
  if (autoRemove && restart.name !== 'no') {
    refuse('restart', 'conflicts with autoRemove', 'Use either --restart or --rm');
  }
};

const healthTimesArePossible: Check = ({ health }) => {
  if (health === null) return;
  if (health.test.length === 0) refuse('health.test', 'must name a command');
  requireInteger('health.retries', health.retries, { minimum: 1, maximum: 1_000_000 });
  for (const field of ['intervalMs', 'timeoutMs', 'startIntervalMs'] as const) {
    requireInteger(`health.${field}`, Math.round(health[field]), {
      minimum: 1,
      maximum: 365 * day,
    });
  }
  requireInteger('health.startPeriodMs', Math.round(health.startPeriodMs), {
    minimum: 0,
    maximum: 365 * day,
  });
};

const leaseTimesArePositive: Check = ({ lease }) => {
  requireInteger('lease.ttlMs', lease.ttlMs, { minimum: 1 });
  requireInteger('lease.idleTimeoutMs', lease.idleTimeoutMs, { minimum: 1 });
};

const stopTimeoutIsPossible: Check = ({ stopTimeoutMs }) => {
  requireInteger('stopTimeoutMs', stopTimeoutMs, { minimum: 0, or: -1 });
};

const logIsWellFormed: Check = ({ log, tty }) => {
  if (!['file', 'none', 'raw'].includes(log.driver)) {
    refuse('log.driver', `"${log.driver}" is not one of file, none, raw`);
  }
  requireInteger('log.maxBytes', log.maxBytes, { minimum: 65_536, or: 0 });
  requireInteger('log.maxFiles', log.maxFiles, { minimum: 1, maximum: 1000 });
  if (tty && log.driver === 'raw') refuse('log.driver', 'raw conflicts with a tty');
};

const cgroupParentIsAPath: Check = ({ cgroupParent }) => {
  if (cgroupParent === '') return;
  const parts = cgroupParent.split('/').filter((part) => part !== '');
  const strange = parts.some((part) => part === '.' || part === '..' || /[\0\n]/.test(part));
  if (strange || (isAbsolute(cgroupParent) && parts.length === 0)) {
    refuse('cgroupParent', `"${cgroupParent}" is not a path below the root of the cgroups`);
  }
};

export const lifecycleChecks: readonly Check[] = [
  restartPolicyIsKnown,
  healthTimesArePossible,
  leaseTimesArePositive,
  stopTimeoutIsPossible,
  logIsWellFormed,
  cgroupParentIsAPath,
];
