import type { ContainerRecord } from '../../model/container.js';
import type { EngineContext } from '../context.js';
import type { HealthResult } from '../contract.js';
import { exitInfo } from '../state/exit-info.js';
import { detailOf } from './events/keeper-event.js';

/** As many as Docker shows. */
const shown = 5;

/** The last checks of a container's run that changed its health, oldest first: those are what keepers store. */
export function healthLog(
  context: EngineContext,
  { id, spec, run }: ContainerRecord,
): readonly HealthResult[] {
  if (spec.health === null || run === null) return [];
  const results: HealthResult[] = [];
  for (const event of context.host.storedEvents(run.keeper)) {
    if (event.container !== id || event.timeMs < run.startedAtMs) continue;
    const detail = detailOf(event);
    if (detail?.action !== 'health_status') continue;
    const { startedAtMs, finishedAtMs, code } = exitInfo(event.exit);
    results.push({
      health: detail.health,
      startedAtMs: startedAtMs === 0 ? event.timeMs : startedAtMs,
      finishedAtMs: finishedAtMs === 0 ? event.timeMs : finishedAtMs,
      exitCode: code,
      output: detail.output,
    });
  }
  return results.slice(-shown);
}
