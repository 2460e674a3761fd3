import type { KeeperExit } from './port.js';

/** Of what has not ended: shared, for a list has thousands. */
export const noExit: KeeperExit = Object.freeze({
  how: 'none',
  code: 0,
  oomKilled: false,
  startedAtMs: 0,
  finishedAtMs: 0,
  userUs: 0,
  systemUs: 0,
  maxRssBytes: 0,
  reason: 'own',
});
