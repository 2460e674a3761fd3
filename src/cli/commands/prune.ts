import { formatSize } from '../../base/units.js';
import type { PruneResult } from '../../engine/contract.js';
import type { Output } from '../output.js';

/** Docker's report of a prune: what was deleted, and the space that is free again. */
export function printPruned(output: Output, what: string, result: PruneResult): void {
  if (output.json) {
    output.object(result);
    return;
  }
  if (result.deleted.length > 0) output.lines([`Deleted ${what}:`, ...result.deleted, '']);
  output.line(`Total reclaimed space: ${formatSize(result.reclaimedBytes)}`);
}
