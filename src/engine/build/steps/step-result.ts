import type { StageState } from '../build-state.js';

export interface StepResult {
  readonly state: StageState;
  /** The result was in the cache. */
  readonly cached: boolean;
}
