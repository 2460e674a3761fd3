import type { KeeperExit } from '../../host/port.js';
import type { ExitInfo } from '../../model/container.js';
import { signalName } from '../../model/signals.js';

const signalExitBase = 128;

/** The end of a run as records and users see it. */
export function exitInfo(exit: KeeperExit): ExitInfo {
  const signaled = exit.how === 'signaled';
  const known = exit.how === 'exited' || signaled;
  return {
    code: known ? (signaled ? signalExitBase + exit.code : exit.code) : null,
    signal: signaled ? signalName(exit.code) : null,
    oomKilled: exit.oomKilled,
    reason: exit.reason,
    startedAtMs: exit.startedAtMs,
    finishedAtMs: exit.finishedAtMs,
    usage: { userUs: exit.userUs, systemUs: exit.systemUs, maxRssBytes: exit.maxRssBytes },
  };
}

/** Of a run whose end nobody saw: a reboot, or the loss of the keeper and all it knew. */
export function unknownExit(startedAtMs: number): ExitInfo {
  return {
    code: null,
    signal: null,
    oomKilled: false,
    reason: 'own',
    startedAtMs,
    finishedAtMs: 0,
    usage: { userUs: 0, systemUs: 0, maxRssBytes: 0 },
  };
}
