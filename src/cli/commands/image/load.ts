import { createReadStream } from 'node:fs';
import { defineCommand, type CommandDefinition } from '../../program/definition.js';
import { asText, flag, value } from '../../program/option.js';
import { usageError } from '../../program/usage-error.js';

export const command: CommandDefinition = defineCommand({
  description:
    'Loads images from an archive of save, of docker save (either layout) or of an OCI layout, compressed or not.',
  arguments: [],
  options: {
    input: value('-i, --input <file>', 'Read this file', {
      parse: asText,
      complete: 'file',
      defaultText: 'stdin',
    }),
    quiet: flag('-q, --quiet', 'No progress'),
  },
  examples: [{ command: 'docker save busybox | warren load', what: 'Take an image of Docker' }],
  run: async (context, { options: flags }) => {
    if (flags.input === undefined && process.stdin.isTTY) {
      throw usageError('An archive does not come from a terminal', 'Name a file with -i');
    }
    const archive = flags.input === undefined ? process.stdin : createReadStream(flags.input);
    const engine = await context.engine();
    const { images } = await context.withProgress(({ report }) =>
      engine.images.load(archive as AsyncIterable<Buffer>, {
        signal: context.signal,
        ...(flags.quiet ? {} : { onProgress: report }),
      }),
    );
    const { output } = context;
    for (const image of images) {
      if (output.json) output.object(image);
      else if (image.references.length === 0) output.line(`Loaded image ID: ${image.imageId}`);
      else output.lines(image.references.map((reference) => `Loaded image: ${reference}`));
    }
  },
});
