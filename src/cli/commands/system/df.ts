import { formatSize } from '../../../base/units.js';
import type { DiskUsageLine } from '../../../engine/contract.js';
import { defineCommand, type CommandDefinition } from '../../program/definition.js';
import type { ListView } from '../../render/format.js';
import { formatOption, printList } from '../formatted.js';

const view: ListView<DiskUsageLine> = {
  headings: {
    Type: 'TYPE',
    TotalCount: 'TOTAL',
    Active: 'ACTIVE',
    Size: 'SIZE',
    Reclaimable: 'RECLAIMABLE',
  },
  columns: ['Type', 'TotalCount', 'Active', 'Size', 'Reclaimable'],
  row: (line) => {
    const share = line.sizeBytes === 0 ? 0 : (line.reclaimableBytes / line.sizeBytes) * 100;
    return {
      Type: line.type,
      TotalCount: String(line.total),
      Active: String(line.active),
      Size: formatSize(line.sizeBytes),
      Reclaimable: `${formatSize(line.reclaimableBytes)} (${Math.round(share)}%)`,
    };
  },
};

export const command: CommandDefinition = defineCommand({
  description: 'Shows what takes space. Layers that images share count once.',
  arguments: [],
  options: { format: formatOption },
  examples: [{ command: 'warren system df', what: 'Where the space goes' }],
  run: async (context, { options: { format } }) => {
    const engine = await context.engine();
    const items = await context.withProgress(() => engine.system.diskUsage());
    printList(context.output, view, { items, format });
  },
});
