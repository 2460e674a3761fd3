import {
  defineCommand,
  optionalArgument,
  type CommandDefinition,
} from '../../program/definition.js';
import { collectFilters, parseFilter } from '../../parse/policy.js';
import { flag, list } from '../../program/option.js';
import { imageView, namedImages } from '../../views/image-row.js';
import { formatOption, noTruncOption, printList } from '../formatted.js';

export const command: CommandDefinition = defineCommand({
  description:
    'Lists the images of the store, newest first: all, or those that fit NAME[:TAG], where * and ? stand for others.',
  arguments: [optionalArgument('NAME', 'image')],
  options: {
    format: formatOption,
    noTrunc: noTruncOption,
    filter: list(
      '-f, --filter <filter>',
      'reference=PATTERN, dangling=true, label=KEY[=VALUE], before=IMAGE, since=IMAGE, until=TIME',
      {
        parse: parseFilter,
      },
    ),
    digests: flag('--digests', 'Also the digests by which registries know them'),
    quiet: flag('-q, --quiet', 'Only ids'),
    all: flag('-a, --all', 'Accepted for docker: there are no hidden images'),
  },
  examples: [
    { command: 'warren image ls', what: 'List images' },
    { command: "warren image ls 'registry.local:5000/*'", what: 'Only those of a registry' },
  ],
  run: async (context, { args: [name], options: flags }) => {
    const engine = await context.engine();
    const named = name === undefined ? [] : [['reference', name] as const];
    const filters = collectFilters([...flags.filter, ...named]);
    const items = namedImages(await engine.images.list({ filters }));
    const view = imageView({ nowMs: Date.now(), truncate: !flags.noTrunc, digests: flags.digests });
    const format = flags.format ?? (flags.quiet ? '{{.ID}}' : undefined);
    printList(context.output, view, { items, format });
  },
});
