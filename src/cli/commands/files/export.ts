import { createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { fileError } from '../../config/given-file.js';
import { argument, defineCommand, type CommandDefinition } from '../../program/definition.js';
import { asText, value } from '../../program/option.js';
import { usageError } from '../../program/usage-error.js';

export const command: CommandDefinition = defineCommand({
  description:
    'Writes the whole root file system of a container as a tar archive, to stdout or a file.',
  arguments: [argument('CONTAINER', 'container')],
  options: {
    output: value('-o, --output <file>', 'Write to a file', {
      parse: asText,
      complete: 'file',
      defaultText: 'stdout',
    }),
  },
  examples: [{ command: 'warren export -o web.tar web', what: 'Keep the files of a container' }],
  run: async (context, { args, options: flags }) => {
    if (flags.output === undefined && context.output.isTerminal) {
      throw usageError(
        'An archive is not for a terminal',
        'Name a file with -o, or redirect stdout',
      );
    }
    const engine = await context.engine();
    const container = await engine.get(args[0] ?? '');
    const archive = await container.files.export();
    if (flags.output === undefined) {
      await pipeline(archive, process.stdout, { end: false, signal: context.signal });
      return;
    }
    const { output: path } = flags;
    const file = createWriteStream(path, { flags: 'w' }).on('error', () => undefined);
    try {
      await pipeline(archive, file, { signal: context.signal });
    } catch (error) {
      throw file.errored === null ? error : fileError('write', path, file.errored);
    }
  },
});
