import type { OnProgress } from '../../../model/events.js';

/** What `--quiet` leaves of a progress: a warning is not about how far it is. */
export function onlyWarnings(
  report: OnProgress,
  { quiet }: { readonly quiet: boolean },
): OnProgress {
  if (!quiet) return report;
  return (event) => {
    if (event.kind === 'warning') report(event);
  };
}
