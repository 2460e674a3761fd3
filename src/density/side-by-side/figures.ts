import type { Distribution } from '../figures/histogram.js';
import { spreadOf, type Spread } from '../figures/summary.js';
import type { PeerVariant } from '../peers/peer.js';

/** One turn of one system: so many launches, one after the other. */
export interface PeerRound {
  readonly count: number;
  readonly launch: Distribution;
  readonly series: readonly number[];
  readonly perSecond: number;
  readonly counted: number;
  /** Fall of MemAvailable for a container, everything that serves it included; null: a short turn, too few to tell. */
  readonly bytesPerContainer: number | null;
  /** Processes outside of containers for each, beside the program itself. */
  readonly processesPerContainer: number;
  readonly stopMs: number;
  readonly residue: readonly string[];
}

export interface PeerFigures {
  readonly name: string;
  readonly title: string;
  readonly variant: PeerVariant;
  readonly configuration: string;
  readonly version: string;
  readonly readiness: string;
  /** Containers that were alive at once in the full turns. */
  readonly count: number;
  /** Why there are no figures; null: there are. */
  readonly reason: string | null;
  /** All turns of all repeats. */
  readonly rounds: readonly PeerRound[];
  /** Of the turns' medians: each turn counts alike. */
  readonly launchP50Ms: Spread;
  readonly launchP99Ms: Spread;
  /** Of the full turns. */
  readonly bytesPerContainer: Spread;
  readonly stopMs: Spread;
}

type Spreads = Pick<PeerFigures, 'launchP50Ms' | 'launchP99Ms' | 'bytesPerContainer' | 'stopMs'>;

/** What the turns say together. */
export function spreadsOf(rounds: readonly PeerRound[]): Spreads {
  const full = rounds.flatMap(({ bytesPerContainer, stopMs }) =>
    bytesPerContainer === null ? [] : [{ bytesPerContainer, stopMs }],
  );
  return {
    launchP50Ms: spreadOf(rounds.map(({ launch }) => launch.p50Ms)),
    launchP99Ms: spreadOf(rounds.map(({ launch }) => launch.p99Ms)),
    bytesPerContainer: spreadOf(full.map(({ bytesPerContainer }) => bytesPerContainer)),
    stopMs: spreadOf(full.map(({ stopMs }) => stopMs)),
  };
}
