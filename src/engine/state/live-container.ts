import type { Keeper } from '../../host/port.js';
import type { ContainerRecord, ContainerState } from '../../model/container.js';
import { requireStatus, type StatusAction } from '../../model/status.js';
import type { EngineContext } from '../context.js';
import { readState } from './read-states.js';

export interface LiveContainer extends ContainerState {
  readonly keeper: Keeper;
}

/**
 * The keeper and state of a container in which `action` is possible.
 * @throws WarrenError conflict naming its status
 */
export async function liveKeeper(
  context: EngineContext,
  record: ContainerRecord,
  action: StatusAction,
): Promise<LiveContainer> {
  const state = await readState(context, record);
  requireStatus(action, state.status, record.name);
  const keeper = record.run === null ? null : await context.keepers.running(record.run.keeper);
  if (keeper === null) {
    requireStatus(action, 'exited', record.name);
    throw new Error(`${action} needs a keeper and must not be allowed for ended containers`);
  }
  return { ...state, keeper };
}
