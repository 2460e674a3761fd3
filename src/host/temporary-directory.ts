import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { errnoOf } from '../base/errors.js';
import { processStartTime } from './process-identity.js';
import { removeTree } from './tree/remove-tree.js';

/**
 * Makes an empty directory `<parent>/<prefix>-…`, 0700, whose name says which process owns it, so that
 * {@link removeAbandoned} can tell it from those that a crash left.
 */
export function makeTemporaryDirectory(parent: string, prefix: string): string {
  mkdirSync(parent, { recursive: true, mode: 0o700 });
  const start = processStartTime(process.pid) ?? 0;
  const random = randomBytes(6).toString('hex');
  const path = join(parent, `${prefix}-${process.pid}-${start}-${random}`);
  mkdirSync(path, { mode: 0o700 });
  return path;
}

/** Removes the temporary directories of this prefix whose process is gone. */
export async function removeAbandoned(parent: string, prefix: string): Promise<void> {
  for (const name of namesIn(parent)) {
    const match = new RegExp(`^${prefix}-(\\d+)-(\\d+)-[0-9a-f]+$`).exec(name);
    if (match === null) continue;
    if (processStartTime(Number(match[1])) === Number(match[2])) continue;
    await removeTree(join(parent, name));
  }
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw error;
  }
}
