import { defineCommand, type CommandDefinition } from '../../program/definition.js';

export const command: CommandDefinition = defineCommand({
  description:
    'Answers the questions of containers for names, on sockets that it is given, until its standard input ends. Keepers start it themselves.',
  arguments: [],
  options: {},
  examples: [],
  run: async (context) => {
    const engine = await context.engine();
    const ending = new AbortController();
    process.stdin.once('end', () => {
      ending.abort();
    });
    process.stdin.resume();
    await engine.system.serveNames(ending.signal);
  },
});
