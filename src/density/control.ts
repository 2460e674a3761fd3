import type { OnProgress } from '../model/events.js';
import { driftOf } from './figures/summary.js';
import { runRawControl, type ControlResult } from './programs/raw-control.js';
import type { ControlFigures } from './report/document.js';
import type { Scenario } from './scenario.js';
import type { Workspace } from './workspace.js';

export interface ControlRound {
  readonly launch: ControlResult;
  readonly exec: ControlResult;
}

export interface ControlContext {
  readonly workspace: Workspace;
  readonly signal: AbortSignal;
  readonly onProgress: OnProgress;
}

const execs = 500;
/** More than this between before and after, and nothing is concluded from ratios. */
const largestDrift = 0.1;

/** One round of the raw control with the scenario's manifest; null: it was not asked for. */
export async function measureControl(
  { controlCount, network, superblocks }: Scenario,
  { workspace, signal, onProgress }: ControlContext,
): Promise<ControlRound | null> {
  if (controlCount === 0) return null;
  const networkNamespaces = network !== 'host';
  const common = { networkNamespaces, superblocks, paths: workspace.paths, signal };
  onProgress({
    kind: 'step',
    name: 'raw control',
    detail: `${controlCount} launches, ${execs} execs`,
  });
  const launch = await runRawControl({ ...common, mode: 'launch', count: controlCount });
  return { launch, exec: await runRawControl({ ...common, mode: 'exec', count: execs }) };
}

/** What both rounds say together; null without both. */
export function controlFiguresOf(
  before: ControlRound | null,
  after: ControlRound | null,
): ControlFigures | null {
  if (before === null || after === null) return null;
  const launchDrift = driftOf(before.launch.each.p50Ms, after.launch.each.p50Ms);
  const execDrift = driftOf(before.exec.each.p50Ms, after.exec.each.p50Ms);
  const conclusive = launchDrift <= largestDrift && execDrift <= largestDrift;
  return { before, after, launchDrift, execDrift, conclusive };
}
