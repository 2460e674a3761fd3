import { choice } from '../../parse/value/choice.js';
import { argumentList, defineCommand, type CommandDefinition } from '../../program/definition.js';
import { flag, value } from '../../program/option.js';
import { inspectFormatOption, printInspected } from '../inspected.js';
import { inspectable, inspectObject } from './inspect-documents.js';

export const command: CommandDefinition = defineCommand({
  description:
    "Shows everything about containers, images and volumes, in the shape of Docker's API. State.Health.Log holds the last checks that changed the health. With --plan the operations are shown that start the container.",
  arguments: [argumentList('NAME', { required: true, complete: 'container' })],
  options: {
    format: inspectFormatOption,
    type: value('--type <type>', 'container, image, volume or network', {
      parse: choice(...inspectable),
      complete: inspectable,
    }),
    size: flag('-s, --size', "Sizes of a container's files too"),
    plan: flag('--plan', 'The compiled launch plan of a container'),
  },
  examples: [
    { command: 'warren inspect web', what: 'Everything as JSON' },
    { command: "warren inspect -f '{{.State.Pid}} {{.State.Status}}' web", what: 'Two fields' },
    { command: 'warren inspect --plan web', what: 'What the keeper will do to start it' },
  ],
  run: (context, { args, options: flags }) =>
    printInspected(context, {
      names: args,
      format: flags.format,
      inspect: async (engine, name) =>
        flags.plan
          ? ((await engine.system.plan(name)) as object)
          : inspectObject(engine, name, { type: flags.type, size: flags.size }),
    }),
});
