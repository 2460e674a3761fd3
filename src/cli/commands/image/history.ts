import { argument, defineCommand, type CommandDefinition } from '../../program/definition.js';
import { flag } from '../../program/option.js';
import { historyView } from '../../views/history-row.js';
import { formatOption, noTruncOption, printList } from '../formatted.js';

export const command: CommandDefinition = defineCommand({
  description: 'Shows the steps in which an image was made, newest first.',
  arguments: [argument('IMAGE', 'image')],
  options: {
    format: formatOption,
    noTrunc: noTruncOption,
    quiet: flag('-q, --quiet', 'Only ids'),
  },
  examples: [{ command: 'warren history debian', what: 'How the image was made' }],
  run: async (context, { args: [image = ''], options: flags }) => {
    const engine = await context.engine();
    const view = historyView({ nowMs: Date.now(), truncate: !flags.noTrunc });
    const format = flags.format ?? (flags.quiet ? '{{.ID}}' : undefined);
    printList(context.output, view, { items: await engine.images.history(image), format });
  },
});
