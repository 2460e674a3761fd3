import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { errnoOf, isWarrenError } from '../../base/errors.js';
import { isAlive } from '../../host/process-identity.js';
import type { EngineContext } from '../context.js';
import type { Leak } from '../contract.js';
import { releaseUnusedIds } from '../state/id-pool.js';
import { launchingNow } from '../state/read-states.js';
import { recoverIntents } from '../state/recover.js';
import { oldTrash } from '../storage/trash.js';
import { networkLeaks } from './network-leaks.js';

export interface FoundLeak extends Omit<Leak, 'fixed'> {
  /** null: nothing can be done here. */
  readonly fix: (() => void | Promise<void>) | null;
}

/**
 * Objects that no record explains. Each finder looks at one kind; `fix` removes what it finds, and says whether it
 * could.
 */
export async function findLeaks(
  context: EngineContext,
  { fix }: { readonly fix: boolean },
): Promise<readonly Leak[]> {
  await context.reclaimer.idle();
  const found = [
    ...leakedIntents(context),
    ...(await leakedRuns(context)),
    ...leakedCgroups(context),
    ...(await leakedDirectories(context)),
    ...leakedVolumes(context),
    ...leakedRunFiles(context),
    ...leakedTrash(context),
    ...leakedRanges(context),
    ...(await networkLeaks(context)),
  ];
  const leaks: Leak[] = [];
  for (const { fix: repair, ...leak } of found) {
    leaks.push({ ...leak, fixed: fix && repair !== null && (await repaired(repair)) });
  }
  return leaks;
}

async function repaired(repair: () => void | Promise<void>): Promise<boolean> {
  try {
    await repair();
    return true;
  } catch (error) {
    // What is busy is reported as not fixed; it is found again the next time.
    if (isWarrenError(error) || errnoOf(error) !== undefined) return false;
    throw error;
  }
}

/** Containers that are known, or just being made. */
function explained(context: EngineContext): (id: string) => boolean {
  const ids = new Set<string>(context.records.containers.list().map(({ id }) => id));
  const { bootId } = context.facts;
  for (const intent of context.records.intents.list()) {
    if (isAlive(intent, bootId)) for (const id of intent.subjects) ids.add(id);
  }
  return (id) => ids.has(id);
}

function leakedIntents(context: EngineContext): FoundLeak[] {
  const { bootId } = context.facts;
  return context.records.intents
    .list()
    .filter((intent) => !isAlive(intent, bootId))
    .map(({ id, operation, pid }) => ({
      kind: 'intent',
      object: id,
      why: `${operation} by process ${pid}, which has ended`,
      fix: async () => {
        await recoverIntents(context);
      },
    }));
}

/** Runs that keepers supervise without a record. */
async function leakedRuns(context: EngineContext): Promise<FoundLeak[]> {
  const known = explained(context);
  const found: FoundLeak[] = [];
  for (const keeper of await context.keepers.allRunning()) {
    for (const { container, status } of await keeper.containers.list([])) {
      if (known(container)) continue;
      found.push({
        kind: 'keeper',
        object: container,
        why: `keeper ${keeper.instance} has it as ${status}, no record has`,
        fix: async () => {
          if (status !== 'exited') await keeper.containers.stop(container, 9, 0);
          await keeper.containers.forget([container]);
        },
      });
    }
  }
  return found;
}

function leakedCgroups(context: EngineContext): FoundLeak[] {
  const known = explained(context);
  return context.cgroups
    .found(context.settings.cgroupParent)
    .filter(({ path }) => !known(path.split('/').at(-1) ?? ''))
    .map((group) => ({
      kind: 'cgroup',
      object: `${context.host.cgroups.hierarchies[group.hierarchy]?.name ?? ''}:${group.path}`,
      why: 'no container has this group',
      fix: () => {
        if (group.hierarchy === 0) context.host.cgroups.write(group, 'cgroup.kill', '1');
        context.cgroups.remove([group]);
      },
    }));
}

async function leakedDirectories(context: EngineContext): Promise<FoundLeak[]> {
  const known = explained(context);
  return (await context.storage.found())
    .filter((id) => !known(id))
    .map((id) => ({
      kind: 'directory',
      object: join(context.settings.dataRoot, 'containers', id),
      why: 'no container has this directory',
      fix: async () => {
        await context.storage.remove(id);
      },
    }));
}

function leakedVolumes(context: EngineContext): FoundLeak[] {
  return context.volumes
    .found()
    .filter((name) => context.records.volumes.get(name) === undefined)
    .map((name) => ({
      kind: 'volume',
      object: join(context.settings.dataRoot, 'volumes', name),
      why: 'no volume has this directory',
      fix: () => {
        context.volumes.remove(name);
      },
    }));
}

function namesIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw error;
  }
}

/** FIFOs and stored plans of containers in the run dir are named after them. */
function leakedRunFiles(context: EngineContext): FoundLeak[] {
  const known = explained(context);
  const launching = launchingNow(context);
  return ['io', 'plans'].flatMap((folder) => {
    const directory = join(context.settings.runDir, folder);
    return namesIn(directory)
      .filter((name) => {
        const id = /^[0-9a-f]{64}/.exec(name)?.[0];
        return id !== undefined && !known(id) && !launching.has(id);
      })
      .map((name): FoundLeak => ({
        kind: 'fifo',
        object: join(directory, name),
        why: 'no container has this file',
        fix: () => {
          rmSync(join(directory, name), { force: true });
        },
      }));
  });
}

/** What was removed a while ago and whose space is not freed yet. */
function leakedTrash(context: EngineContext): FoundLeak[] {
  return oldTrash(context).map((object) => ({
    kind: 'temporary',
    object,
    why: 'removed, its space is not freed yet',
    fix: async () => {
      await context.storage.emptyTrash();
    },
  }));
}

/** Ranges of containers that exist no more, whoever holds them. Ranges that only wait for their next use are none. */
function leakedRanges(context: EngineContext): FoundLeak[] {
  const known = new Set(
    context.records.containers.list().flatMap(({ ids }) => (ids === null ? [] : [ids.base])),
  );
  return context.records.idRanges
    .used()
    .filter(({ base }) => !known.has(base))
    .map(({ base, count }) => ({
      kind: 'idRange',
      object: `${base}:${count}`,
      why: 'no container has these ids',
      fix: async () => {
        await releaseUnusedIds(context);
      },
    }));
}
