import { containerConfig } from '../../config/container-config.js';
import { containerOptions } from '../../options/container.js';
import {
  argument,
  argumentList,
  defineCommand,
  type CommandDefinition,
} from '../../program/definition.js';
import { Disposables } from '../../terminal/disposables.js';
import { CidFile } from './cid-file.js';
import { onlyWarnings } from './only-warnings.js';

export const command: CommandDefinition = defineCommand({
  description:
    'Creates a container from an image, prints its id and does not start it. The flags are those of `warren run`.',
  arguments: [argument('IMAGE', 'image'), argumentList('COMMAND', { required: false })],
  passThrough: true,
  options: containerOptions,
  examples: [
    {
      command: 'warren create --name job busybox sh -c "echo done"',
      what: 'Create a container that is started later',
    },
    { command: 'warren start -a job', what: 'Start it and show its output' },
  ],
  run: async (context, { args, options: flags }) => {
    const [image = '', ...words] = args;
    const config = containerConfig({ flags, image, command: words });
    using files = new Disposables();
    const file = flags.cidfile === undefined ? undefined : new CidFile(flags.cidfile);
    if (file !== undefined) files.add(file);
    const engine = await context.engine();
    const { id, name } = await context.withProgress(({ report }) =>
      engine.create(
        { ...config, stdinOnce: flags.interactive },
        { signal: context.signal, onProgress: onlyWarnings(report, flags) },
      ),
    );
    file?.write(id);
    file?.keep();
    if (context.output.json) context.output.object({ id, name });
    else context.output.line(id);
  },
});
