import { formatMemory } from '../../../base/units.js';
import type { EngineInfo } from '../../../engine/contract.js';
import { defineCommand, type CommandDefinition } from '../../program/definition.js';
import type { ListView } from '../../render/format.js';
import { formatOption, printList } from '../formatted.js';

const view: ListView<EngineInfo['keepers'][number]> = {
  headings: {
    Instance: 'INSTANCE',
    PID: 'PID',
    Version: 'VERSION',
    Containers: 'CONTAINERS',
    Fds: 'FDS',
    Memory: 'MEMORY',
  },
  columns: ['Instance', 'PID', 'Version', 'Containers', 'Fds', 'Memory'],
  row: (keeper) => ({
    Instance: String(keeper.instance),
    PID: String(keeper.pid),
    Version: keeper.version,
    Containers: String(keeper.containers),
    Fds: `${keeper.fdUsed}/${keeper.fdLimit}`,
    Memory: formatMemory(keeper.rssBytes),
  }),
};

export const command: CommandDefinition = defineCommand({
  description:
    'Shows the keepers of this run dir: the small processes that start containers and watch over them.',
  arguments: [],
  options: { format: formatOption },
  examples: [{ command: 'warren keeper status', what: 'Which keepers run?' }],
  run: async (context, { options: flags }) => {
    const engine = await context.engine();
    const { keepers } = await engine.system.info();
    printList(context.output, view, { items: keepers, format: flags.format });
  },
});
