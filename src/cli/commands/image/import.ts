import { createReadStream } from 'node:fs';
import { defined } from '../../config/defined.js';
import {
  argument,
  defineCommand,
  optionalArgument,
  type CommandDefinition,
} from '../../program/definition.js';
import { asText, list, value } from '../../program/option.js';

export const command: CommandDefinition = defineCommand({
  description:
    'Makes an image with one layer of the root file system in a tar archive, compressed or not: what export writes, for example.',
  arguments: [argument('FILE|-', 'file'), optionalArgument('NAME')],
  options: {
    change: list('-c, --change <instruction>', 'Dockerfile instruction for the image', {
      parse: asText,
    }),
    message: value('-m, --message <text>', 'Comment in the history', { parse: asText }),
    platform: value('--platform <platform>', 'Platform of the image', {
      parse: asText,
      defaultText: "this machine's",
    }),
  },
  examples: [
    {
      command: 'warren export web | warren import -c \'CMD ["httpd"]\' - web:flat',
      what: 'Make one layer of a container',
    },
  ],
  run: async (context, { args: [file = '', reference], options: flags }) => {
    const archive = file === '-' ? process.stdin : createReadStream(file);
    const engine = await context.engine();
    const image = await context.withProgress(({ report }) =>
      engine.images.import(archive as AsyncIterable<Buffer>, {
        signal: context.signal,
        onProgress: report,
        changes: flags.change,
        ...defined({ reference, message: flags.message, platform: flags.platform }),
      }),
    );
    if (context.output.json) context.output.object({ id: image.id, references: image.references });
    else context.output.line(image.id);
  },
});
