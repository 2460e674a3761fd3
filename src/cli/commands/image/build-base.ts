import { defined } from '../../config/defined.js';
import { argument, defineCommand, type CommandDefinition } from '../../program/definition.js';
import { asText, value } from '../../program/option.js';

export const command: CommandDefinition = defineCommand({
  description:
    'Builds one of the built-in images: tiny (a single small program, needs nothing), busybox, debian and debian-systemd (these need mmdebstrap and a package mirror). A recipe of your own is a folder with a recipe.json.',
  arguments: [argument('NAME|FOLDER', ['tiny', 'busybox', 'debian', 'debian-systemd'])],
  options: {
    recipe: value('--recipe <dir>', 'Folder of the recipe', {
      parse: asText,
      complete: 'directory',
      defaultText: 'the built-in one',
    }),
  },
  examples: [
    { command: 'warren image build-base busybox', what: 'Build the busybox image' },
    {
      command: 'warren image build-base ./images/mine',
      what: 'Build from a recipe of your own',
    },
  ],
  run: async (context, { args, options: flags }) => {
    const engine = await context.engine();
    const name = args[0] ?? '';
    // A name of an image has neither.
    const folder = name.includes('/') || name === '.' ? name : undefined;
    const image = await context.withProgress(({ report }) =>
      engine.images.buildBase(name, {
        onProgress: report,
        signal: context.signal,
        ...defined({ recipe: flags.recipe ?? folder }),
      }),
    );
    if (context.output.json) context.output.object({ id: image.id, references: image.references });
    else context.output.line(image.id);
  },
});
