import { argumentList, defineCommand, type CommandDefinition } from '../../program/definition.js';
import { flag } from '../../program/option.js';
import { inspectFormatOption, printInspected } from '../inspected.js';
import { inspectObject } from './inspect-documents.js';

export const command: CommandDefinition = defineCommand({
  description: "Shows everything about containers, in the shape of Docker's API.",
  arguments: [argumentList('CONTAINER', { required: true, complete: 'container' })],
  options: {
    format: inspectFormatOption,
    size: flag('-s, --size', 'Sizes of its files too'),
  },
  examples: [{ command: 'warren container inspect web', what: 'Everything as JSON' }],
  run: (context, { args, options: { format, size } }) =>
    printInspected(context, {
      names: args,
      format,
      inspect: (engine, name) => inspectObject(engine, name, { type: 'container', size }),
    }),
});
