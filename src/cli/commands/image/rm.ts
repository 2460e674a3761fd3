import { exitCodes } from '../../exit-code.js';
import { argumentList, defineCommand, type CommandDefinition } from '../../program/definition.js';
import { flag } from '../../program/option.js';
import { reportError } from '../../report-error.js';

export const command: CommandDefinition = defineCommand({
  description:
    'Removes names of images; with its last name an image is deleted. One that a container uses stays, unless forced.',
  arguments: [argumentList('IMAGE', { required: true, complete: 'image' })],
  options: {
    force: flag('-f, --force', 'Even when a container uses it'),
  },
  examples: [{ command: 'warren image rm debian', what: 'Remove an image' }],
  run: async (context, { args, options: { force } }) => {
    const { output } = context;
    const engine = await context.engine();
    let failed = false;
    for (const reference of args) {
      try {
        const { untagged, deleted } = await engine.images.remove(reference, { force });
        if (output.json) output.object({ reference, untagged, deleted });
        else
          output.lines([
            ...untagged.map((name) => `Untagged: ${name}`),
            ...deleted.map((id) => `Deleted: ${id}`),
          ]);
      } catch (error) {
        reportError(output, error);
        failed = true;
      }
    }
    return failed ? exitCodes.failure : exitCodes.ok;
  },
});
