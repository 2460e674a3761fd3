import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { EngineContext } from '../context.js';

/** The keeper restarts by the plan in its run dir (docs/keeper-protocol.md): the next run is as this one says. */
export function storePlan(context: EngineContext, id: string, plan: Uint8Array): void {
  const directory = join(context.settings.runDir, 'plans');
  const temporary = join(directory, `${id}.${process.pid}`);
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  writeFileSync(temporary, plan, { mode: 0o600 });
  renameSync(temporary, join(directory, id));
}
