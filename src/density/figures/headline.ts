import type { Headline, RunFigures } from '../report/document.js';
import { spreadOf } from './summary.js';

/** The figures that a run is remembered by; each the median over the repeats. */
export function headlineOf(runs: readonly RunFigures[]): Headline {
  const over = (figure: (run: RunFigures) => number | undefined): Headline['launched'] =>
    spreadOf(runs.flatMap((run) => figure(run) ?? []));
  return {
    launched: over(({ ramp }) => ramp.count),
    launchesPerSecond: over(({ ramp }) => ramp.perSecond),
    launchP50Ms: over(({ ramp }) => ramp.each.p50Ms),
    launchP99Ms: over(({ ramp }) => ramp.each.p99Ms),
    bytesPerContainer: over(bytesPerContainer),
    execP50Ms: over(({ checkpoints }) => checkpoints.at(-1)?.exec.latency.p50Ms),
    killPerSecond: over(({ teardown }) => teardown.kill.perSecond),
    reclaimPerSecond: over(({ teardown }) => teardown.reclaim.perSecond),
    listLibraryMs: over(({ steady }) => steady.list.library.p50Ms),
    listCommandLineMs: over(({ steady }) => steady.list.commandLine.p50Ms),
  };
}

/** By the fall of MemAvailable at the full count: kernel and user, all processes. */
export function bytesPerContainer({ checkpoints }: RunFigures): number | undefined {
  const last = checkpoints.at(-1);
  return last === undefined || last.count === 0 ? undefined : last.memory.available / last.count;
}
