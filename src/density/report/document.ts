import type { Forecast } from '../host/forecast.js';
import type { HostManifest } from '../host/manifest.js';
import type { SysctlChange } from '../host/sysctls.js';
import type { Spread } from '../figures/summary.js';
import type { PeerFigures } from '../side-by-side/figures.js';
import type { ControlResult } from '../programs/raw-control.js';
import type { Checkpoint } from '../phases/checkpoint.js';
import type { ChurnFigures } from '../phases/churn.js';
import type { GateFigures } from '../phases/gate.js';
import type { RampFigures } from '../phases/ramp.js';
import type { SteadyFigures } from '../phases/steady.js';
import type { TeardownFigures } from '../phases/teardown.js';
import type { Scenario } from '../scenario.js';
import type { ContainerManifest } from '../container-manifest.js';

/** Grows when a field changes its meaning: `warren density compare` refuses to compare different ones. */
export const schemaName = 'warren-density/1';

/** One pass over the scenario. */
export interface RunFigures {
  readonly ramp: RampFigures;
  readonly gate: GateFigures;
  readonly checkpoints: readonly Checkpoint[];
  readonly steady: SteadyFigures;
  readonly churn: readonly ChurnFigures[];
  readonly teardown: TeardownFigures;
  /** What is left afterwards; empty when all is well. */
  readonly residue: readonly string[];
  /** What this host would still hold of the same, by this run's own memory figure, when all were alive. */
  readonly forecast: Forecast;
}

/** The raw control of the same manifest, before and after everything else. */
export interface ControlFigures {
  readonly before: { readonly launch: ControlResult; readonly exec: ControlResult };
  readonly after: { readonly launch: ControlResult; readonly exec: ControlResult };
  /** Between the medians before and after: 0.1 is a tenth. */
  readonly launchDrift: number;
  readonly execDrift: number;
  /** False: the machine changed under the measurement, and no ratio is concluded. */
  readonly conclusive: boolean;
}

/** What all runs say together. */
export interface Headline {
  readonly launched: Spread;
  readonly launchesPerSecond: Spread;
  readonly launchP50Ms: Spread;
  readonly launchP99Ms: Spread;
  readonly bytesPerContainer: Spread;
  readonly execP50Ms: Spread;
  readonly killPerSecond: Spread;
  readonly reclaimPerSecond: Spread;
  readonly listLibraryMs: Spread;
  readonly listCommandLineMs: Spread;
}

/** One line of docs/specification.md as this run measured it. */
export interface Promised {
  readonly number: number;
  readonly promise: string;
  readonly target: string;
  readonly measured: string;
  /** null: not judged, and `measured` says why. */
  readonly holds: boolean | null;
}

/** A whole measurement: what `--json` writes. docs/density.md describes the fields. */
export interface DensityReport {
  readonly schema: typeof schemaName;
  readonly startedAt: string;
  readonly elapsedMs: number;
  readonly scenario: Scenario;
  readonly host: HostManifest;
  readonly container: ContainerManifest;
  readonly preflight: Forecast;
  readonly tuned: readonly SysctlChange[];
  /** null: it was not asked for. */
  readonly control: ControlFigures | null;
  readonly runs: readonly RunFigures[];
  readonly headline: Headline;
  readonly peers: readonly PeerFigures[];
  readonly promises: readonly Promised[];
  /** Why the run as a whole failed: containers missing or not real, residue. Empty: it did not. */
  readonly failures: readonly string[];
  /** What must be known to read the figures. */
  readonly cautions: readonly string[];
}
