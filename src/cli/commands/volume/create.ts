import { defined } from '../../config/defined.js';
import { choice } from '../../parse/value/choice.js';
import { parseLabel } from '../../parse/environment.js';
import {
  defineCommand,
  optionalArgument,
  type CommandDefinition,
} from '../../program/definition.js';
import { list, value } from '../../program/option.js';

export const command: CommandDefinition = defineCommand({
  description: 'Creates a volume and prints its name. One that exists is left as it is.',
  arguments: [optionalArgument('VOLUME')],
  options: {
    driver: value('-d, --driver <driver>', 'local: there is no other', { parse: choice('local') }),
    label: list('--label <key=value>', 'Label', { parse: parseLabel }),
  },
  examples: [{ command: 'warren volume create data', what: 'Create a volume' }],
  run: async (context, { args, options: flags }) => {
    const engine = await context.engine();
    const labels = flags.label.length === 0 ? undefined : Object.fromEntries(flags.label);
    const { name } = await engine.volumes.create(defined({ name: args[0], labels }));
    if (context.output.json) context.output.object({ name });
    else context.output.line(name);
  },
});
