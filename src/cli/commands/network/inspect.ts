import { argumentList, defineCommand, type CommandDefinition } from '../../program/definition.js';
import { inspectFormatOption, printInspected } from '../inspected.js';
import { inspectObject } from '../watch/inspect-documents.js';

export const command: CommandDefinition = defineCommand({
  description: "Shows everything about networks, in the shape of Docker's API.",
  arguments: [argumentList('NETWORK', { required: true, complete: 'network' })],
  options: { format: inspectFormatOption },
  examples: [{ command: 'warren network inspect default', what: 'Everything as JSON' }],
  run: (context, { args, options: flags }) =>
    printInspected(context, {
      names: args,
      format: flags.format,
      inspect: (engine, name) => inspectObject(engine, name, { type: 'network', size: false }),
    }),
});
