import { join } from 'node:path';
import { errnoOf, WarrenError } from '../../base/errors.js';
import type { CgroupHierarchy, RunResult } from '../port.js';
import { scopeUnitOf } from '../systemd-scope.js';
import { run } from './run.js';
import { runInScope, systemdRuns } from './systemd.js';

export interface KeeperStartOptions {
  readonly program: string;
  readonly runDir: string;
  readonly dataRoot: string;
  readonly instance: number;
  readonly hierarchies: readonly CgroupHierarchy[];
  /** Below each hierarchy's root, without a leading slash. */
  readonly cgroupParent: string;
  readonly workers?: number;
  readonly idleExitMs?: number;
}

/** The longest path of a unix socket, with its terminating NUL. */
const socketPathMaximum = 107;

/** Throws `invalidArgument` (RUN_DIR_TOO_LONG). */
export function keeperSocketPath(runDir: string, instance: number): string {
  const path = `${runDir}/keeper-${instance}.sock`;
  if (Buffer.byteLength(path) <= socketPathMaximum) return path;
  throw new WarrenError(
    'invalidArgument',
    'RUN_DIR_TOO_LONG',
    `Cannot use run dir ${runDir}: socket paths have at most ${socketPathMaximum} bytes`,
    {
      hint: 'Set a shorter one with --run-dir or WARREN_RUN_DIR.',
    },
  );
}

/** Makes sure that a keeper listens; nothing happens when one does. Throws `unavailable` (KEEPER_START), `unsupported` without cgroup2. */
export async function startKeeper(options: KeeperStartOptions): Promise<void> {
  // Without the caller's environment: the keeper outlives it.
  const { code, signal, stderr } = await runStart(
    [options.program, ...startArguments(options)],
    options,
  );
  if (code === 0) return;
  const reason = stderr.trim().split('\n').at(-1) ?? '';
  const said = reason.replace(/^Cannot start the keeper: /, '');
  const why = said === '' ? `it ended with ${signal ?? `status ${code ?? 'unknown'}`}` : said;
  throw new WarrenError('unavailable', 'KEEPER_START', `Cannot start the keeper: ${why}`, {
    hint: `${options.runDir}/keeper.log may say more; \`warren doctor\` checks the machine.`,
    details: { runDir: options.runDir, instance: options.instance },
  });
}

/** In a scope of systemd's where the parent is one. */
async function runStart(
  command: readonly string[],
  { hierarchies, cgroupParent }: KeeperStartOptions,
): Promise<RunResult> {
  const unit = scopeUnitOf(cgroupParent);
  if (unit === null || !systemdRuns()) return await runProgram(command);
  const group = join(hierarchies[0]?.mountPoint ?? '', cgroupParent);
  return await runInScope({ unit, group, command, run: runProgram });
}

function startArguments(options: KeeperStartOptions): string[] {
  const { hierarchies, runDir, dataRoot, instance, cgroupParent } = options;
  if ((hierarchies[0]?.mountPoint ?? '') === '') {
    throw new WarrenError(
      'unsupported',
      'NO_CGROUP2',
      'Cannot start the keeper: no cgroup2 hierarchy is mounted',
      {
        hint: 'Mount one: mkdir /sys/fs/cgroup/unified && mount -t cgroup2 cgroup2 /sys/fs/cgroup/unified',
      },
    );
  }
  const parent = cgroupParent.replace(/^\/+|\/+$/g, '');
  return [
    'start',
    ...['--run-dir', runDir],
    ...['--data-root', dataRoot],
    ...['--instance', String(instance)],
    // `name=systemd` is `systemd` there.
    ...hierarchies.flatMap(({ name, mountPoint }) => [
      '--hierarchy',
      `${name.replace(/^name=/, '')}=${mountPoint}`,
    ]),
    ...['--cgroup', keeperCgroup(parent, instance)],
    ...(options.workers === undefined ? [] : ['--workers', String(options.workers)]),
    ...(options.idleExitMs === undefined ? [] : ['--idle-exit-ms', String(options.idleExitMs)]),
  ];
}

/** The leaf in which a keeper, its holder and its workers live. */
export function keeperCgroup(parent: string, instance: number): string {
  return parent === '' ? `keeper-${instance}` : `${parent}/keeper-${instance}`;
}

async function runProgram([program = '', ...args]: readonly string[]): Promise<RunResult> {
  try {
    return await run(program, args, { cwd: '/', env: {} });
  } catch (cause) {
    throw new WarrenError(
      'unavailable',
      'KEEPER_START',
      `Cannot start the keeper: ${program} cannot be run (${errnoOf(cause) ?? String(cause)})`,
      { cause },
    );
  }
}
