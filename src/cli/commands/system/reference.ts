import { defineCommand, type CommandDefinition } from '../../program/definition.js';

export const command: CommandDefinition = defineCommand({
  description: 'Prints the reference of all commands as Markdown: docs/cli.md.',
  arguments: [],
  options: {},
  examples: [],
  run: async ({ output }) => {
    const { referencePage } = await import('../../reference/reference-page.js');
    output.raw(await referencePage());
  },
});
