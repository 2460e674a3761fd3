import { defineCommand, type CommandDefinition } from '../../program/definition.js';
import { flag } from '../../program/option.js';
import { volumeView } from '../../views/volume-row.js';
import { formatOption, printList } from '../formatted.js';

export const command: CommandDefinition = defineCommand({
  description: 'Lists volumes.',
  arguments: [],
  options: { format: formatOption, quiet: flag('-q, --quiet', 'Only names') },
  examples: [
    {
      command: "warren volume ls --format '{{.Name}} {{.Mountpoint}}'",
      what: 'Names and where they are on the host',
    },
  ],
  run: async (context, { options: flags }) => {
    const engine = await context.engine();
    const format = flags.format ?? (flags.quiet ? '{{.Name}}' : undefined);
    printList(context.output, volumeView, { items: await engine.volumes.list(), format });
  },
});
