import type { CommandContext } from '../../context.js';
import { candidatesFor, type NameSources } from '../../completion/candidates.js';
import { argumentList, defineCommand, type CommandDefinition } from '../../program/definition.js';
import { printable } from '../../render/printable.js';

/** While someone types there is no place for errors: what cannot be listed is not offered. */
async function unlessFailing(read: () => Promise<readonly string[]>): Promise<readonly string[]> {
  try {
    return await read();
  } catch {
    return [];
  }
}

function namesFrom(context: CommandContext): NameSources {
  return {
    container: () =>
      unlessFailing(async () => {
        const engine = await context.engine();
        return (await engine.containers.list({ all: true })).map(({ record }) => record.name);
      }),
    image: () =>
      unlessFailing(async () => {
        const engine = await context.engine();
        return (await engine.images.list()).flatMap(({ references }) => references);
      }),
    volume: () =>
      unlessFailing(async () => {
        const engine = await context.engine();
        return (await engine.volumes.list()).map(({ name }) => name);
      }),
    network: () =>
      unlessFailing(async () => {
        const engine = await context.engine();
        return (await engine.networks.list()).map(({ name }) => name);
      }),
  };
}

export const command: CommandDefinition = defineCommand({
  description: 'Prints what may stand at the cursor, for the completion scripts.',
  arguments: [argumentList('WORD', { required: false })],
  passThrough: true,
  options: {},
  examples: [],
  run: async (context, { args }) => {
    const candidates = await candidatesFor(args, namesFrom(context));
    if (candidates.kind !== 'words') context.output.line(candidates.kind);
    else
      context.output.lines(
        candidates.words.map(({ text, help }) => `word\t${printable(text)}\t${help}`),
      );
  },
});
