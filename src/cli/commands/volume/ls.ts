import { defineCommand, type CommandDefinition } from '../../program/definition.js';
import { collectFilters, parseFilter } from '../../parse/policy.js';
import { flag, list } from '../../program/option.js';
import { volumeView } from '../../views/volume-row.js';
import { formatOption, printList } from '../formatted.js';

export const command: CommandDefinition = defineCommand({
  description: 'Lists volumes.',
  arguments: [],
  options: {
    filter: list(
      '-f, --filter <filter>',
      'name=PART, label=KEY[=VALUE], driver=local, dangling=true',
      {
        parse: parseFilter,
      },
    ),
    format: formatOption,
    quiet: flag('-q, --quiet', 'Only names'),
  },
  examples: [
    { command: 'warren volume ls -q -f dangling=true', what: 'Those that no container uses' },
    {
      command: "warren volume ls --format '{{.Name}} {{.Mountpoint}}'",
      what: 'Names and where they are on the host',
    },
  ],
  run: async (context, { options: flags }) => {
    const engine = await context.engine();
    const format = flags.format ?? (flags.quiet ? '{{.Name}}' : undefined);
    const items = await engine.volumes.list({ filters: collectFilters(flags.filter) });
    printList(context.output, volumeView, { items, format });
  },
});
