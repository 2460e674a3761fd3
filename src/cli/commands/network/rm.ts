import { isWarrenError } from '../../../base/errors.js';
import { exitCodes } from '../../exit-code.js';
import { argumentList, defineCommand, type CommandDefinition } from '../../program/definition.js';
import { flag } from '../../program/option.js';
import { reportError } from '../../report-error.js';

export const command: CommandDefinition = defineCommand({
  description: 'Removes networks. One that has containers stays.',
  arguments: [argumentList('NETWORK', { required: true, complete: 'network' })],
  options: { force: flag('-f, --force', 'A missing network is no error') },
  examples: [{ command: 'warren network rm back', what: 'Remove a network' }],
  run: async (context, { args, options: { force } }) => {
    const { output } = context;
    const engine = await context.engine();
    let failed = false;
    for (const name of args) {
      try {
        await engine.networks.remove(name);
        if (output.json) output.object({ name });
        else output.line(name);
      } catch (error) {
        if (force && isWarrenError(error, 'notFound')) continue;
        reportError(output, error);
        failed = true;
      }
    }
    return failed ? exitCodes.failure : exitCodes.ok;
  },
});
