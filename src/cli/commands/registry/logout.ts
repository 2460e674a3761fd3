import {
  defineCommand,
  optionalArgument,
  type CommandDefinition,
} from '../../program/definition.js';

export const command: CommandDefinition = defineCommand({
  description: "Forgets the name and the password for a registry; without SERVER for Docker's.",
  arguments: [optionalArgument('SERVER')],
  options: {},
  examples: [{ command: 'warren logout registry.local:5000', what: 'Forget the credentials' }],
  run: async (context, { args: [server] }) => {
    const engine = await context.engine();
    const had = await engine.registries.logout(server);
    const { output } = context;
    const shown = server ?? 'docker.io';
    if (output.json) output.object({ server: shown, removed: had });
    else output.line(had ? `Removed login credentials for ${shown}` : `Not logged in to ${shown}`);
  },
});
