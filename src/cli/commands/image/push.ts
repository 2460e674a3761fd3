import { parseNamed } from '../../../image/reference.js';
import {
  argument,
  defineCommand,
  optionalArgument,
  type CommandDefinition,
} from '../../program/definition.js';
import { flag } from '../../program/option.js';
import { usageError } from '../../program/usage-error.js';

export const command: CommandDefinition = defineCommand({
  description:
    'Gives an image to the registry that its name says, or to DESTINATION: another name, oci:DIR[:NAME], oci-archive:FILE, docker-archive:FILE, docker-daemon:NAME.',
  arguments: [argument('NAME', 'image'), optionalArgument('DESTINATION')],
  options: {
    allTags: flag('-a, --all-tags', 'All tags of this name'),
    quiet: flag('-q, --quiet', 'Only the name'),
  },
  examples: [
    { command: 'warren push registry.local:5000/team/app:v1', what: 'Push to a registry' },
    { command: 'warren push app oci:/tmp/layout:app', what: 'Write an OCI layout' },
  ],
  run: async (context, { args: [name = '', destination], options: flags }) => {
    if (flags.allTags && destination !== undefined)
      throw usageError('Flags exclude each other: --all-tags and a destination');
    const engine = await context.engine();
    const { output } = context;
    const { familiarName } = flags.allTags ? parseNamed(name) : { familiarName: '' };
    const names = flags.allTags
      ? (await engine.images.list())
          .flatMap(({ references }) => references)
          .filter((reference) => parseNamed(reference).familiarName === familiarName)
      : [name];
    if (names.length === 0) await engine.images.get(name);
    const options = {
      signal: context.signal,
      ...(destination === undefined ? {} : { destination }),
    };
    for (const each of names) {
      const pushed = await context.withProgress(({ report }) =>
        engine.images.push(each, { ...options, ...(flags.quiet ? {} : { onProgress: report }) }),
      );
      const { reference, digest, size } = pushed;
      if (output.json) output.object(pushed);
      else output.line(flags.quiet ? reference : `${reference}: digest: ${digest} size: ${size}`);
    }
  },
});
