import { createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { fileError } from '../../config/given-file.js';
import { choice } from '../../parse/value/choice.js';
import { argumentList, defineCommand, type CommandDefinition } from '../../program/definition.js';
import { asText, value } from '../../program/option.js';
import { usageError } from '../../program/usage-error.js';

export const command: CommandDefinition = defineCommand({
  description: 'Writes images as an archive that docker load, podman and skopeo read.',
  arguments: [argumentList('IMAGE', { required: true, complete: 'image' })],
  options: {
    output: value('-o, --output <file>', 'Write to a file', {
      parse: asText,
      complete: 'file',
      defaultText: 'stdout',
    }),
    format: value('--format <format>', 'docker-archive or oci-archive', {
      parse: choice('docker-archive', 'oci-archive'),
      defaultText: 'docker-archive',
      complete: ['docker-archive', 'oci-archive'],
    }),
  },
  examples: [{ command: 'warren save app | docker load', what: 'Give an image to Docker' }],
  run: async (context, { args, options: flags }) => {
    if (flags.output === undefined && context.output.isTerminal) {
      throw usageError(
        'An archive is not for a terminal',
        'Name a file with -o, or redirect stdout',
      );
    }
    const engine = await context.engine();
    const { format = 'docker-archive', output: path } = flags;
    const archive = await engine.images.save(args, { format });
    if (path === undefined) {
      await pipeline(archive, process.stdout, { end: false, signal: context.signal });
      return;
    }
    const file = createWriteStream(path, { flags: 'w' }).on('error', () => undefined);
    try {
      await pipeline(archive, file, { signal: context.signal });
    } catch (error) {
      throw file.errored === null ? error : fileError('write', path, file.errored);
    }
  },
});
