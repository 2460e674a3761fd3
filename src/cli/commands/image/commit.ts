import { defined } from '../../config/defined.js';
import {
  argument,
  defineCommand,
  optionalArgument,
  type CommandDefinition,
} from '../../program/definition.js';
import { asText, flag, list, value } from '../../program/option.js';

export const command: CommandDefinition = defineCommand({
  description:
    'Makes an image of what a container has changed. A running container is frozen meanwhile.',
  arguments: [argument('CONTAINER', 'container'), optionalArgument('NAME')],
  options: {
    author: value('-a, --author <author>', 'Who made it', { parse: asText }),
    change: list('-c, --change <instruction>', 'Dockerfile instruction for the image', {
      parse: asText,
    }),
    message: value('-m, --message <text>', 'Comment in the history', { parse: asText }),
    pause: flag('-p, --pause', 'Freeze the container meanwhile', { default: true }),
  },
  examples: [
    {
      command: 'warren commit -c \'CMD ["httpd"]\' web web:v2',
      what: 'Keep a container as an image with another command',
    },
  ],
  run: async (context, { args: [container = '', reference], options: flags }) => {
    const engine = await context.engine();
    const image = await context.withProgress(({ report }) =>
      engine.images.commit(container, {
        signal: context.signal,
        onProgress: report,
        changes: flags.change,
        pause: flags.pause,
        ...defined({ reference, message: flags.message, author: flags.author }),
      }),
    );
    if (context.output.json) context.output.object({ id: image.id, references: image.references });
    else context.output.line(image.id);
  },
});
