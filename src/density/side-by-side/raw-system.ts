import { throwIfAborted } from '../../base/abort.js';
import { runRawControl } from '../programs/raw-control.js';
import type { PeerRound } from './figures.js';
import type { ReadySystem, SideBySide, System } from './system.js';
import type { Turn } from './turns.js';

/** The raw control among the others: it launches a turn's containers and ends them by itself. */
export function rawSystem(sideBySide: SideBySide): System {
  const ready: ReadySystem = {
    version: '',
    readiness: 'execve, as the program that launches sees it',
    take: async (turn) => await rawRound(sideBySide, turn),
    close: () => Promise.resolve(),
  };
  return {
    name: 'raw',
    title: 'raw control',
    variant: 'equal',
    configuration: "the kernel's work for Warren's manifest and nothing else, by one C program",
    count: sideBySide.scenario.peerCount,
    open: () => Promise.resolve(ready),
    rounds: [],
    version: '',
    readiness: '',
    reason: null,
  };
}

async function rawRound(
  { scenario: { network, superblocks }, context: { workspace, signal } }: SideBySide,
  { count, full }: Turn,
): Promise<PeerRound> {
  throwIfAborted(signal, 'measure the raw control');
  const networkNamespaces = network !== 'host';
  const { each, series, perSecond, memoryBytes } = await runRawControl({
    ...{ mode: 'launch', count, networkNamespaces, superblocks, signal },
    paths: workspace.paths,
  });
  return {
    count,
    launch: each,
    series,
    perSecond,
    counted: count,
    bytesPerContainer: full ? memoryBytes / count : null,
    processesPerContainer: 0,
    stopMs: 0,
    residue: [],
  };
}
