import { defined } from '../../config/defined.js';
import { argument, defineCommand, type CommandDefinition } from '../../program/definition.js';
import { asText, flag, value } from '../../program/option.js';

export const command: CommandDefinition = defineCommand({
  description:
    'Brings an image into the store, from a registry or another place: oci:DIR[:NAME], oci-archive:FILE[:NAME], docker-archive:FILE[:NAME], docker-daemon:NAME.',
  arguments: [argument('NAME')],
  options: {
    allTags: flag('-a, --all-tags', 'All tags of the repository'),
    platform: value('--platform <platform>', 'Of an image for several: linux/arm64, for example', {
      parse: asText,
      defaultText: "this machine's",
    }),
    quiet: flag('-q, --quiet', 'Only the name'),
  },
  examples: [
    { command: 'warren pull registry.local:5000/team/app:v1', what: 'Pull from a registry' },
    { command: 'warren pull docker-daemon:busybox:latest', what: 'Take an image of Docker' },
  ],
  run: async (context, { args: [name = ''], options: flags }) => {
    const engine = await context.engine();
    const { output } = context;
    const pulled = await context.withProgress(async ({ report }) => {
      const options = {
        signal: context.signal,
        ...(flags.quiet ? {} : { onProgress: report }),
        ...defined({ platform: flags.platform }),
      };
      return flags.allTags
        ? await engine.images.pullAll(name, options)
        : [await engine.images.pull(name, options)];
    });
    for (const { reference, digest, status } of pulled) {
      if (output.json) output.object({ reference, digest, status });
      else if (flags.quiet) output.line(reference);
      else {
        const what = status === 'upToDate' ? 'Image is up to date' : 'Downloaded newer image';
        output.lines([`Digest: ${digest}`, `Status: ${what} for ${reference}`, reference]);
      }
    }
  },
});
