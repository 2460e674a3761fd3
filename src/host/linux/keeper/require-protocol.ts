import { WarrenError } from '../../../base/errors.js';
import type { Session } from './session.js';

/** @throws WarrenError unsupported (KEEPER_TOO_OLD) */
export function requireProtocol(
  { hello }: Session,
  { since, action }: { readonly since: number; readonly action: string },
): void {
  if (hello.protocol >= since) return;
  throw new WarrenError(
    'unsupported',
    'KEEPER_TOO_OLD',
    `Cannot ${action}: the keeper that runs is of version ${hello.version}`,
    { hint: 'Run warren keeper upgrade' },
  );
}
