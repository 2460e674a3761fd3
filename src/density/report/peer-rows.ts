import { significant } from '../figures/promises.js';
import type { Spread } from '../figures/summary.js';
import type { PeerFigures } from '../side-by-side/figures.js';
import { kibibytes, milliseconds, type ReportTable } from './table.js';

/** What systems beside Warren cost, and what exactly they were. */
export function peerTables(peers: readonly PeerFigures[]): readonly ReportTable[] {
  return peers.length === 0 ? [] : [costTable(peers), configurationTable(peers)];
}

function nameOf({ title, variant }: PeerFigures): string {
  return `${title} (${variant})`;
}

/** Ratios are to Warren in the same run, measured as a peer: one at a time, the same count. */
function costTable(peers: readonly PeerFigures[]): ReportTable {
  const measured = peers.filter(({ reason }) => reason === null);
  const base = measured.find(({ name }) => name === 'warren');
  return {
    title: 'Side by side',
    columns: [
      ...['system', 'launch p50', 'spread', 'ratio', 'p99', 'memory each', 'ratio'],
      ...['helpers each', 'stop all', 'alive'],
    ],
    rows: measured.map((peer) => {
      const { launchP50Ms, launchP99Ms, bytesPerContainer, stopMs, rounds, count } = peer;
      const full = rounds.findLast((round) => round.bytesPerContainer !== null);
      const bytes = bytesPerContainer.median;
      return [
        nameOf(peer),
        milliseconds(launchP50Ms.median),
        spread(launchP50Ms),
        ratio(launchP50Ms, base?.launchP50Ms),
        milliseconds(launchP99Ms.median),
        bytes > 0 ? kibibytes(bytes) : 'hidden',
        ratio(bytesPerContainer, base?.bytesPerContainer),
        significant(full?.processesPerContainer ?? 0),
        milliseconds(stopMs.median),
        `${full?.counted ?? 0} of ${count}`,
      ];
    }),
    note: 'spread: medians of single turns; ratios to Warren, measured the same way in the same run',
  };
}

function spread({ least, most, runs }: Spread): string {
  return runs < 2 ? '' : `${significant(least)} to ${significant(most)}`;
}

function ratio(value: Spread, own: Spread | undefined): string {
  if (own === undefined || own.median <= 0 || value.median <= 0) return '';
  return `${significant(value.median / own.median)} ×`;
}

function configurationTable(peers: readonly PeerFigures[]): ReportTable {
  return {
    title: 'What was measured side by side',
    columns: ['system', 'version', 'it runs when', 'configuration'],
    rows: peers.map((peer) =>
      peer.reason === null
        ? [nameOf(peer), peer.version, peer.readiness, peer.configuration]
        : [nameOf(peer), '', '', `not measured: ${peer.reason}`],
    ),
  };
}
