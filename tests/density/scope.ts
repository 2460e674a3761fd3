import { mkdirSync, rmSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import type { Scenario } from '../../src/density/scenario.js';
import { newScope, removeScope } from '../scope.js';

const tmpfsMagic = 0x01021994;

/** An engine state of its own. The run dir is on tmpfs where the host has one, as /run is on most hosts. */
export function openScope(): AsyncDisposable & { readonly engine: Scenario['engine'] } {
  const scope = newScope();
  const runDir = runDirectoryOf(scope.prefix) ?? scope.runDir;
  return {
    engine: { dataRoot: scope.dataRoot, runDir, cgroupParent: scope.cgroupParent },
    [Symbol.asyncDispose]: async () => {
      rmSync(runDir, { recursive: true, force: true });
      removeScope(scope);
    },
  };
}

function runDirectoryOf(name: string): string | null {
  const base = ['/run', '/dev/shm'].find((path) => statfsSync(path).type === tmpfsMagic);
  if (base === undefined) return null;
  const directory = join(base, name);
  mkdirSync(directory, { mode: 0o700 });
  return directory;
}
