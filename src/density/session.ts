import type { ContainerHandle, EngineApi, LaunchTrace } from '../engine/contract.js';
import type { OnProgress } from '../model/events.js';
import type { Scenario } from './scenario.js';
import type { Workspace } from './workspace.js';

/** What every phase of a run works with. */
export interface Session {
  readonly scenario: Scenario;
  readonly workspace: Workspace;
  readonly engine: EngineApi;
  readonly signal: AbortSignal;
  readonly onProgress: OnProgress;
  /** Told of each launch as the keeper's workers time it. */
  onLaunch: ((trace: LaunchTrace) => void) | undefined;
  /** The population that is alive. */
  containers: ContainerHandle[];
}

/** Announces what the run does now. */
export function announce(
  { onProgress }: Pick<Session, 'onProgress'>,
  name: string,
  detail = '',
): void {
  onProgress({ kind: 'step', name, detail });
}
