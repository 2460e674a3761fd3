import { exitCodes } from '../../exit-code.js';
import { argumentList, defineCommand, type CommandDefinition } from '../../program/definition.js';
import { flag } from '../../program/option.js';
import { reportError } from '../../report-error.js';

export const command: CommandDefinition = defineCommand({
  description: 'Removes volumes with all that is in them. One that a container uses stays.',
  arguments: [argumentList('VOLUME', { required: true, complete: 'volume' })],
  options: { force: flag('-f, --force', 'A missing volume is no error') },
  examples: [{ command: 'warren volume rm data', what: 'Remove a volume' }],
  run: async (context, { args, options: { force } }) => {
    const { output } = context;
    const engine = await context.engine();
    let failed = false;
    for (const name of args) {
      try {
        await engine.volumes.remove(name, { force });
        if (output.json) output.object({ name });
        else output.line(name);
      } catch (error) {
        reportError(output, error);
        failed = true;
      }
    }
    return failed ? exitCodes.failure : exitCodes.ok;
  },
});
