import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isWarrenError, WarrenError } from '../base/errors.js';
import { Engine } from '../engine/engine.js';
import { engineSettings } from '../engine/settings.js';
import type { EngineOptions, Leak } from '../engine/contract.js';
import { lockAcrossProcesses, type ProcessLock } from '../host/process-lock.js';
import { removeGroup } from './host/memory-cgroup.js';
import { restoreSysctls, writeSysctl, type SysctlChange } from './host/sysctls.js';
import { cleanPeers } from './side-by-side/clean.js';

/** Where a benchmark keeps everything it makes: an engine of its own beside the user's. */
export interface WorkspacePaths {
  /** `<data root>/density` */
  readonly base: string;
  readonly engine: Required<Pick<EngineOptions, 'dataRoot' | 'runDir' | 'cgroupParent'>>;
  /** Of the other systems; not below `base`, which only root may enter. */
  readonly peers: string;
  /** Prefix of every global name: cgroups, containers of peers. */
  readonly name: string;
  /** The user's own data root, whose images may be measured. */
  readonly userDataRoot: string;
}

/** What has to be undone if the process is killed. Written before each change. */
interface Ledger {
  readonly pid: number;
  readonly startedAtMs: number;
  readonly sysctls: readonly SysctlChange[];
  readonly kept: boolean;
}

const ledgerName = 'ledger.json';

/** The places that belong to an engine's options; makes nothing. */
export function workspacePaths(
  options: Pick<EngineOptions, 'dataRoot' | 'runDir' | 'cgroupParent'>,
): WorkspacePaths {
  const { dataRoot, runDir, cgroupParent } = engineSettings(options, process.env);
  const base = join(dataRoot, 'density');
  const name = `${cgroupParent.replaceAll('/', '-')}-density`;
  return {
    base,
    peers: join('/var/tmp', `${name.replace(/^-+/, '')}-peers`),
    engine: {
      dataRoot: join(base, 'data'),
      // Short paths, and nothing left beside the data root.
      runDir: runDir === join(dataRoot, 'run') ? join(base, 'run') : join(runDir, 'density'),
      cgroupParent: `/${cgroupParent}-density`,
    },
    name,
    userDataRoot: dataRoot,
  };
}

/** The places of one run, held until disposed. Only one run at a time has them. */
export class Workspace implements AsyncDisposable {
  readonly paths: WorkspacePaths;
  readonly #lock: ProcessLock;
  #ledger: Ledger;

  private constructor(paths: WorkspacePaths, lock: ProcessLock) {
    this.paths = paths;
    this.#lock = lock;
    this.#ledger = { pid: process.pid, startedAtMs: Date.now(), sysctls: [], kept: false };
  }

  /**
   * Takes the places, and removes what an earlier run left there.
   * @throws WarrenError conflict (DENSITY_BUSY)
   */
  static async open(paths: WorkspacePaths): Promise<Workspace> {
    mkdirSync(paths.base, { recursive: true, mode: 0o700 });
    const lock = await takeLock(paths.base);
    try {
      if (existsSync(join(paths.base, ledgerName))) await removeEverything(paths);
      const workspace = new Workspace(paths, lock);
      mkdirSync(paths.base, { recursive: true, mode: 0o700 });
      workspace.#write();
      return workspace;
    } catch (error) {
      await lock.release();
      throw error;
    }
  }

  /** Raises settings of the host for as long as the run lasts. */
  tune(changes: readonly SysctlChange[]): void {
    this.#ledger = { ...this.#ledger, sysctls: changes };
    this.#write();
    for (const { name, during } of changes) writeSysctl(name, during);
  }

  /** Leaves the containers running: the next run, or `warren doctor --leaks --fix`, removes them. */
  keep(): void {
    restoreSysctls(this.#ledger.sysctls);
    this.#ledger = { ...this.#ledger, sysctls: [], kept: true };
    this.#write();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      if (!this.#ledger.kept) await removeEverything(this.paths);
    } finally {
      await this.#lock.release();
    }
  }

  #write(): void {
    writeFileSync(join(this.paths.base, ledgerName), JSON.stringify(this.#ledger), { mode: 0o600 });
  }
}

async function takeLock(base: string): Promise<ProcessLock> {
  const waiting = new AbortController();
  try {
    return await lockAcrossProcesses(base, 'density', {
      signal: waiting.signal,
      // Not at once: the wait that this ends has not begun yet.
      onWait: () => setImmediate(() => waiting.abort()),
    });
  } catch (error) {
    if (!waiting.signal.aborted) throw error;
    throw new WarrenError(
      'conflict',
      'DENSITY_BUSY',
      'Cannot measure: another density run is under way',
      { hint: 'Wait for its end, or measure in another data root (--data-root)', cause: error },
    );
  }
}

function readLedger(paths: WorkspacePaths): Ledger | null {
  const path = join(paths.base, ledgerName);
  if (!existsSync(path)) return null;
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Ledger;
  } catch (error) {
    // Killed while it wrote: nothing was changed yet.
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

/** Containers, engine, peers, settings and files of whoever had the places last. */
async function removeEverything(paths: WorkspacePaths): Promise<void> {
  restoreSysctls(readLedger(paths)?.sysctls ?? []);
  await cleanPeers({ directory: paths.peers, name: paths.name });
  removeGroup(probeGroup(paths));
  if (existsSync(paths.engine.dataRoot)) await emptyEngine(paths);
  rmSync(paths.engine.runDir, { recursive: true, force: true });
  rmSync(paths.base, { recursive: true, force: true });
}

/** The hierarchy's memory groups that a probe makes and removes. */
export function probeGroup(paths: WorkspacePaths): string {
  return join(
    '/sys/fs/cgroup',
    existsSync('/sys/fs/cgroup/memory') ? 'memory' : '',
    `${paths.name}-probe`,
  );
}

async function emptyEngine({ engine: options }: WorkspacePaths): Promise<void> {
  const engine = await Engine.open(options);
  try {
    const left = await engine.containers.list({ all: true });
    await engine.containers.remove(
      left.map(({ record }) => record.id),
      { force: true, volumes: true },
    );
    await engine.system.leaks({ fix: true });
    await engine.system.shutdown({ force: true });
  } finally {
    await engine.close();
  }
}

/** What a run that was killed, or told to keep its containers, left; `fix` removes it. */
export async function densityLeaks(
  paths: WorkspacePaths,
  { fix }: { readonly fix: boolean },
): Promise<readonly Leak[]> {
  const ledger = readLedger(paths);
  if (ledger === null && !existsSync(join(paths.base, ledgerName))) return [];
  let lock: ProcessLock;
  try {
    lock = await takeLock(paths.base);
  } catch (error) {
    // It is no leak: its process is there.
    if (isWarrenError(error, 'conflict', 'DENSITY_BUSY')) return [];
    throw error;
  }
  try {
    if (fix) await removeEverything(paths);
  } finally {
    await lock.release();
  }
  const why =
    ledger?.kept === true ? 'kept by a density run' : 'left by a density run that was killed';
  return [{ kind: 'temporary', object: paths.base, why, fixed: fix }];
}
