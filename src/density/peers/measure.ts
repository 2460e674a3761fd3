import { chmodSync, copyFileSync, existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { throwIfAborted } from '../../base/abort.js';
import { isWarrenError } from '../../base/errors.js';
import { nativeProgramPath } from '../../host/native-path.js';
import type { ControlContext } from '../control.js';
import { distributionOf } from '../figures/histogram.js';
import { spreadOf } from '../figures/summary.js';
import { timed } from '../figures/throughput.js';
import { settledMemory } from '../host/meminfo.js';
import type { Scenario } from '../scenario.js';
import { bwrap } from './bwrap.js';
import { peerCgroup } from './clean.js';
import { crun } from './crun.js';
import type { Peer, PeerFigures, PeerRound, PeerTask, PeerVariant } from './peer.js';
import { runRawControl } from './raw-control.js';
import { runc } from './runc.js';
import { cgroupDirectories, processesIn, removeCgroup, removeDirectory } from './scrub.js';
import { warren } from './warren.js';

const peers: readonly Peer[] = [warren, crun, runc, bwrap];

/** One system in one configuration, and what its rounds showed. */
interface Entry {
  readonly peer: Peer;
  readonly variant: PeerVariant;
  readonly rounds: PeerRound[];
  version: string;
  readiness: string;
  reason: string | null;
}

/** Every chosen system in every chosen configuration, Warren first; the order turns around from round to round. */
export async function measurePeers(
  scenario: Scenario,
  context: ControlContext,
): Promise<readonly PeerFigures[]> {
  if (scenario.peers.length === 0) return [];
  const entries = entriesOf(scenario);
  const raw: PeerRound[] = [];
  const wantsRaw = scenario.peers.some(({ name }) => name === 'raw');
  for (let round = 0; round < scenario.repeat; round += 1) {
    if (wantsRaw) raw.push(await rawRound(scenario, context));
    for (const entry of round % 2 === 0 ? entries : entries.toReversed()) {
      await measureEntry(entry, { scenario, context });
    }
  }
  const measured = entries.map((entry) => figuresOf(entry, scenario));
  return wantsRaw ? [rawFigures(raw, scenario), ...measured] : measured;
}

function entriesOf({ peers: choices }: Scenario): Entry[] {
  const entry = (peer: Peer, variant: PeerVariant): Entry => ({
    peer,
    variant,
    rounds: [],
    version: '',
    readiness: '',
    reason: null,
  });
  const chosen = choices.flatMap(({ name, variant }) => {
    const peer = peers.find((candidate) => candidate.name === name);
    if (peer === undefined) return [];
    const variants: readonly PeerVariant[] = variant === null ? ['default', 'equal'] : [variant];
    return variants.map((one) => entry(peer, one));
  });
  return [entry(warren, 'default'), ...chosen];
}

interface EntryContext {
  readonly scenario: Scenario;
  readonly context: ControlContext;
}

async function measureEntry(entry: Entry, { scenario, context }: EntryContext): Promise<void> {
  if (entry.reason !== null) return;
  const { peer, variant } = entry;
  const { signal, workspace, onProgress } = context;
  throwIfAborted(signal, 'measure others');
  onProgress({
    kind: 'step',
    name: peer.title,
    detail: `${scenario.peerCount}, ${variant} configuration`,
  });
  const directory = join(workspace.paths.peers, peer.name);
  const task: PeerTask = {
    ...scenario,
    directory,
    rootfs: makeRootfs(directory),
    cgroup: peerCgroup(workspace.paths.name, peer.name).replace(/^\//, ''),
    variant,
    signal,
    scenario,
  };
  try {
    entry.rounds.push(await measureRound(entry, task, scenario.peerCount));
  } catch (error) {
    if (!isWarrenError(error, 'unavailable')) throw error;
    entry.reason = error.message;
  } finally {
    await removeCgroup(task.cgroup);
    await removeDirectory(directory);
  }
}

async function measureRound(entry: Entry, task: PeerTask, count: number): Promise<PeerRound> {
  const run = await entry.peer.prepare(task);
  entry.version = run.version;
  entry.readiness = run.readiness;
  const before = await settledMemory(task.signal);
  const processesBefore = processesIn(task.cgroup).size;
  const series: number[] = [];
  const start = performance.now();
  try {
    for (let index = 0; index < count; index += 1) {
      throwIfAborted(task.signal, `measure ${entry.peer.name}`);
      series.push((await timed(async () => await run.launch(index))).elapsedMs);
    }
    const elapsedMs = performance.now() - start;
    const after = await settledMemory(task.signal);
    const counted = await run.count();
    const helpers = processesIn(task.cgroup).size - processesBefore - counted;
    const stopped = await timed(async () => await run.stop());
    return {
      launch: distributionOf(series),
      series,
      perSecond: (count / elapsedMs) * 1000,
      counted,
      bytesPerContainer: (before.available - after.available) / count,
      processesPerContainer: helpers / count,
      stopMs: stopped.elapsedMs,
      residue: await residueOf(task),
    };
  } finally {
    await run.clean?.();
  }
}

const settleMs = 10_000;
const lookEveryMs = 20;

/** Processes that the system itself should have ended, some time after its answer. */
async function residueOf({ cgroup }: PeerTask): Promise<readonly string[]> {
  const end = performance.now() + settleMs;
  while (processesIn(cgroup).size > 0 && performance.now() < end) await delay(lookEveryMs);
  const left = processesIn(cgroup).size;
  return left === 0 ? [] : [`${left} processes in ${cgroupDirectories(cgroup)[0] ?? cgroup}`];
}

/** The smallest root file system: one static program under two names, and places to mount. */
function makeRootfs(directory: string): string {
  const rootfs = join(directory, 'rootfs');
  // The mapped root of a user namespace has to get through.
  mkdirSync(directory, { recursive: true, mode: 0o711 });
  for (const name of ['bin', 'dev', 'etc', 'proc', 'run', 'sys', 'tmp', 'usr']) {
    mkdirSync(join(rootfs, name), { recursive: true });
  }
  const program = join(rootfs, 'bin', 'pause');
  if (!existsSync(program)) copyFileSync(nativeProgramPath('warren-init'), program);
  chmodSync(program, 0o755);
  return rootfs;
}

function figuresOf(
  { peer, variant, rounds, ...entry }: Entry,
  { peerCount }: Scenario,
): PeerFigures {
  return {
    name: peer.name,
    title: peer.title,
    variant,
    configuration: peer.variants[variant],
    version: entry.version,
    readiness: entry.readiness,
    count: peerCount,
    reason: entry.reason,
    rounds,
    ...spreadsOf(rounds),
  };
}

function spreadsOf(
  rounds: readonly PeerRound[],
): Pick<PeerFigures, 'launchP50Ms' | 'launchP99Ms' | 'bytesPerContainer' | 'stopMs'> {
  return {
    launchP50Ms: spreadOf(rounds.map(({ launch }) => launch.p50Ms)),
    launchP99Ms: spreadOf(rounds.map(({ launch }) => launch.p99Ms)),
    bytesPerContainer: spreadOf(rounds.map(({ bytesPerContainer }) => bytesPerContainer)),
    stopMs: spreadOf(rounds.map(({ stopMs }) => stopMs)),
  };
}

async function rawRound(
  { peerCount, network, superblocks }: Scenario,
  context: ControlContext,
): Promise<PeerRound> {
  const { workspace, signal } = context;
  const networkNamespaces = network !== 'host';
  const { each, series, perSecond, memoryBytes } = await runRawControl({
    ...{ mode: 'launch', count: peerCount, networkNamespaces, superblocks, signal },
    paths: workspace.paths,
  });
  return {
    launch: each,
    series,
    perSecond,
    counted: peerCount,
    bytesPerContainer: memoryBytes / peerCount,
    processesPerContainer: 0,
    stopMs: 0,
    residue: [],
  };
}

function rawFigures(rounds: readonly PeerRound[], { peerCount }: Scenario): PeerFigures {
  return {
    name: 'raw',
    title: 'raw control',
    variant: 'equal',
    configuration: "the kernel's work for Warren's manifest and nothing else, by one C program",
    version: '',
    readiness: 'execve, as the program that launches sees it',
    count: peerCount,
    reason: null,
    rounds,
    ...spreadsOf(rounds),
  };
}
