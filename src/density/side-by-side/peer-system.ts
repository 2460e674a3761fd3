import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { throwIfAborted } from '../../base/abort.js';
import { WarrenError } from '../../base/errors.js';
import { distributionOf } from '../figures/histogram.js';
import { timed } from '../figures/throughput.js';
import { readMemory, settledMemory } from '../host/meminfo.js';
import type { Peer, PeerRun, PeerTask, PeerVariant } from '../peers/peer.js';
import {
  cgroupDirectories,
  processesIn,
  removeCgroup,
  removeDirectory,
} from '../peers/tools/scrub.js';
import { peerCgroup, peerPlace } from './clean.js';
import type { PeerRound } from './figures.js';
import { makeRootfs } from './rootfs.js';
import type { ReadySystem, SideBySide, System } from './system.js';
import type { Turn } from './turns.js';

/** A peer in one of its configurations, in a directory and a cgroup of its own. */
export function peerSystem(
  { peer, variant }: { readonly peer: Peer; readonly variant: PeerVariant },
  sideBySide: SideBySide,
): System {
  const { peerCount } = sideBySide.scenario;
  return {
    name: peer.name,
    title: peer.title,
    variant,
    configuration: peer.variants[variant],
    count: Math.min(peerCount, peer.most ?? peerCount),
    open: async () => await openPeer(peer, taskOf(peer, variant, sideBySide)),
    rounds: [],
    version: '',
    readiness: '',
    reason: null,
  };
}

function taskOf(
  { name }: Peer,
  variant: PeerVariant,
  { scenario, context: { workspace, signal } }: SideBySide,
): PeerTask {
  const place = peerPlace(name, variant);
  const directory = join(workspace.paths.peers, place);
  return {
    ...scenario,
    directory,
    rootfs: makeRootfs(directory),
    cgroup: peerCgroup(workspace.paths.name, place),
    variant,
    signal,
    scenario,
  };
}

async function openPeer(peer: Peer, task: PeerTask): Promise<ReadySystem> {
  const scrub = async (): Promise<void> => {
    await removeCgroup(task.cgroup);
    await removeDirectory(task.directory);
  };
  try {
    const run = await peer.prepare(task);
    const turns = new PeerTurns({ peer, task, run });
    return {
      version: run.version,
      readiness: run.readiness,
      take: async (turn) => await turns.take(turn),
      close: async () => {
        try {
          await run.clean?.();
        } finally {
          await scrub();
        }
      },
    };
  } catch (error) {
    await scrub();
    throw error;
  }
}

interface Prepared {
  readonly peer: Peer;
  readonly task: PeerTask;
  readonly run: PeerRun;
}

/** Before a turn whose memory is not read, the last one's end should not be under way. */
const shortSettleMs = 1000;

class PeerTurns {
  readonly #prepared: Prepared;
  /** Of all turns: names are never used again. */
  #launched = 0;

  constructor(prepared: Prepared) {
    this.#prepared = prepared;
  }

  async take({ count, full }: Turn): Promise<PeerRound> {
    const { task, run } = this.#prepared;
    const before = await settledMemory(task.signal, full ? undefined : shortSettleMs);
    const helpersBefore = processesIn(task.cgroup).size;
    const start = performance.now();
    const series = await this.#launch(count);
    const elapsedMs = performance.now() - start;
    const after = full ? await settledMemory(task.signal) : null;
    const counted = await run.count();
    const helpers = processesIn(task.cgroup).size - helpersBefore - counted;
    const stopped = await timed(async () => await run.stop());
    return {
      count,
      launch: distributionOf(series),
      series,
      perSecond: (count / elapsedMs) * 1000,
      counted,
      bytesPerContainer: after === null ? null : (before.available - after.available) / count,
      processesPerContainer: helpers / count,
      stopMs: stopped.elapsedMs,
      residue: await residueOf(task, helpersBefore),
    };
  }

  async #launch(count: number): Promise<readonly number[]> {
    const { peer, task, run } = this.#prepared;
    const series: number[] = [];
    for (let index = 0; index < count; index += 1) {
      throwIfAborted(task.signal, `measure ${peer.name}`);
      if (readMemory().available < task.scenario.reserveBytes) {
        throw new WarrenError(
          'unavailable',
          'RESERVE_REACHED',
          `Cannot launch ${count} with ${peer.title}: the memory reserve was reached at ${index}`,
        );
      }
      const number = this.#launched;
      this.#launched += 1;
      series.push((await timed(async () => await run.launch(number))).elapsedMs);
    }
    return series;
  }
}

const settleMs = 10_000;
const lookEveryMs = 20;

/** Processes that the system itself should have ended, some time after its answer. */
async function residueOf({ cgroup }: PeerTask, before: number): Promise<readonly string[]> {
  const end = performance.now() + settleMs;
  while (processesIn(cgroup).size > before && performance.now() < end) await delay(lookEveryMs);
  const left = processesIn(cgroup).size - before;
  return left <= 0 ? [] : [`${left} processes in ${cgroupDirectories(cgroup)[0] ?? cgroup}`];
}
