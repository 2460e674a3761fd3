import { argumentList, defineCommand, type CommandDefinition } from '../../program/definition.js';
import { inspectFormatOption, printInspected } from '../inspected.js';
import { inspectObject } from '../watch/inspect-documents.js';

export const command: CommandDefinition = defineCommand({
  description: "Shows everything about images, in the shape of Docker's API.",
  arguments: [argumentList('IMAGE', { required: true, complete: 'image' })],
  options: { format: inspectFormatOption },
  examples: [{ command: 'warren image inspect NAME', what: 'Everything as JSON' }],
  run: (context, { args, options: flags }) =>
    printInspected(context, {
      names: args,
      format: flags.format,
      inspect: (engine, name) => inspectObject(engine, name, { type: 'image', size: false }),
    }),
});
