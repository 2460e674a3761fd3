import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { errnoOf } from '../../base/errors.js';
import type { EngineContext } from '../context.js';

/** Who removes something also frees it, a moment later. What is there for longer was left by a process that died. */
const settleMs = 60_000;

/** Paths of what lies in the trash for longer than a removal takes. */
export function oldTrash({ settings, clock }: Pick<EngineContext, 'settings' | 'clock'>): string[] {
  const directory = join(settings.dataRoot, 'trash');
  return readdirSync(directory)
    .map((name) => join(directory, name))
    .filter((path) => {
      const removedAt = removalTime(path);
      return removedAt !== null && clock.now() - removedAt > settleMs;
    });
}

/** A rename sets the change time of what it moves. */
function removalTime(path: string): number | null {
  try {
    return statSync(path).ctimeMs;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return null;
    throw error;
  }
}
