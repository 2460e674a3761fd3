import { defineCommand, type CommandDefinition } from '../../program/definition.js';
import { flag } from '../../program/option.js';
import { networkView } from '../../views/network-row.js';
import { formatOption, noTruncOption, printList } from '../formatted.js';

export const command: CommandDefinition = defineCommand({
  description: 'Lists networks.',
  arguments: [],
  options: {
    format: formatOption,
    noTrunc: noTruncOption,
    quiet: flag('-q, --quiet', 'Only ids'),
  },
  examples: [
    {
      command: "warren network ls --format '{{.Name}} {{.Subnets}}'",
      what: 'Names and addresses',
    },
  ],
  run: async (context, { options: flags }) => {
    const engine = await context.engine();
    const format = flags.format ?? (flags.quiet ? '{{.ID}}' : undefined);
    const view = networkView({ truncate: !flags.noTrunc });
    printList(context.output, view, { items: await engine.networks.list(), format });
  },
});
