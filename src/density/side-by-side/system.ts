import type { ControlContext } from '../control.js';
import type { PeerVariant } from '../peers/peer.js';
import type { Scenario } from '../scenario.js';
import { spreadsOf, type PeerFigures, type PeerRound } from './figures.js';
import type { Turn } from './turns.js';

/** What every system of a side-by-side measurement is given. */
export interface SideBySide {
  readonly scenario: Scenario;
  readonly context: ControlContext;
}

/** One system in one configuration, ready to take its turns. */
export interface ReadySystem {
  readonly version: string;
  readonly readiness: string;
  take(turn: Turn): Promise<PeerRound>;
  /** Removes everything of it. */
  close(): Promise<void>;
}

/** One system in one configuration, and what its turns showed. */
export interface System {
  readonly name: string;
  readonly title: string;
  readonly variant: PeerVariant;
  readonly configuration: string;
  /** Containers of a full turn. */
  readonly count: number;
  /** @throws WarrenError unavailable: it cannot run here */
  open(): Promise<ReadySystem>;
  readonly rounds: PeerRound[];
  version: string;
  readiness: string;
  /** Why it cannot be measured. */
  reason: string | null;
}

export function figuresOf(system: System): PeerFigures {
  const { name, title, variant, configuration, version, readiness, count, reason, rounds } = system;
  return {
    ...{ name, title, variant, configuration, version, readiness, count, reason, rounds },
    ...spreadsOf(rounds),
  };
}
