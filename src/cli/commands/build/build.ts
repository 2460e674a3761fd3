import { writeFileSync } from 'node:fs';
import { defined } from '../../config/defined.js';
import { parseLabel } from '../../parse/environment.js';
import { parseSecret } from '../../parse/secret.js';
import { argument, defineCommand, type CommandDefinition } from '../../program/definition.js';
import { asText, flag, list, value } from '../../program/option.js';
import { BuildProgress } from '../../render/build-progress.js';
import { fileError } from '../../config/given-file.js';
import { buildArguments, buildInput, readSecrets } from './build-arguments.js';

export const command: CommandDefinition = defineCommand({
  description:
    'Builds an image from a Dockerfile. CONTEXT is a directory, or - for a Dockerfile or a tar on stdin. Every RUN is a container of its own; steps whose result is known come from the cache.',
  arguments: [argument('CONTEXT')],
  options: {
    file: value('-f, --file <path>', 'The Dockerfile; - reads it from stdin', {
      parse: asText,
      complete: 'file',
      defaultText: 'Dockerfile in the context',
    }),
    tag: list('-t, --tag <name>', 'Name for the image, NAME[:TAG]', { parse: asText }),
    buildArg: list('--build-arg <arg>', 'Value of an ARG, NAME=VALUE, or NAME for yours', {
      parse: asText,
    }),
    target: value('--target <stage>', 'Last stage to build', {
      parse: asText,
      defaultText: 'the last one',
    }),
    noCache: flag('--no-cache', 'Run every step again'),
    pull: flag('--pull', 'Ask the registries for newer images, not only for missing ones'),
    secret: list('--secret <secret>', 'For RUN --mount=type=secret: id=ID,src=FILE or id=ID,env=NAME', {
      parse: parseSecret,
    }),
    label: list('--label <label>', 'Label of the image, KEY=VALUE', { parse: parseLabel }),
    platform: value('--platform <platform>', 'Platform of the image; only this machine’s', {
      parse: asText,
      defaultText: 'this machine’s',
    }),
    network: value('--network <mode>', 'Network of RUN steps: default, none or host', {
      parse: asText,
      complete: ['default', 'none', 'host'],
    }),
    quiet: flag('-q, --quiet', 'Only the id of the image'),
    iidfile: value('--iidfile <path>', 'Write the id of the image to a file', {
      parse: asText,
      complete: 'file',
    }),
  },
  examples: [
    { command: 'warren build -t web .', what: 'Build the Dockerfile of this directory' },
    {
      command: 'warren build --target test --build-arg VERSION=2 .',
      what: 'Build up to a stage, with a value for an ARG',
    },
    {
      command: 'warren build --secret id=token,src=./token.txt .',
      what: 'Give RUN --mount=type=secret,id=token a file that no layer keeps',
    },
  ],
  run: async (context, { args, options: flags }) => {
    const { output } = context;
    const input = await buildInput(args[0] ?? '', flags.file);
    const engine = await context.engine();
    const progress = new BuildProgress({
      line: (text) => output.note(text),
      dim: (text) => output.paintError('dim', text),
    });
    const image = await engine.images.build({
      ...input,
      tags: flags.tag,
      buildArgs: buildArguments(flags.buildArg),
      noCache: flags.noCache,
      pull: flags.pull ? 'always' : 'missing',
      secrets: readSecrets(flags.secret),
      labels: Object.fromEntries(flags.label),
      signal: context.signal,
      ...(flags.quiet ? {} : { onEvent: progress.report }),
      ...defined({ target: flags.target, platform: flags.platform }),
      ...(flags.network === 'none' || flags.network === 'host' ? { network: flags.network } : {}),
    });
    if (flags.iidfile !== undefined) writeId(flags.iidfile, image.id);
    if (output.json) output.object({ id: image.id, references: image.references });
    else output.line(image.id);
  },
});

function writeId(path: string, id: string): void {
  try {
    writeFileSync(path, id);
  } catch (error) {
    throw fileError('write the id to', path, error);
  }
}
