import { argument, defineCommand, type CommandDefinition } from '../../program/definition.js';
import { choice } from '../../parse/value/choice.js';
import { refusedValue } from '../../program/usage-error.js';

const shells = ['bash', 'zsh', 'fish'] as const;

function shellOf(text: string): (typeof shells)[number] {
  try {
    return choice(...shells)(text);
  } catch (error) {
    throw refusedValue(error, { flag: 'SHELL', value: text });
  }
}

export const command: CommandDefinition = defineCommand({
  description:
    'Prints a script that completes commands, flags, and names of containers, images and volumes.',
  arguments: [argument('SHELL', shells)],
  options: {},
  examples: [
    { command: 'source <(warren completion bash)', what: 'For this bash' },
    { command: 'warren completion bash > /etc/bash_completion.d/warren', what: 'For every bash' },
    { command: 'warren completion zsh > "${fpath[1]}/_warren"', what: 'For zsh' },
    {
      command: 'warren completion fish > ~/.config/fish/completions/warren.fish',
      what: 'For fish',
    },
  ],
  run: async ({ output }, { args }) => {
    const shell = shellOf(args[0] ?? '');
    const { completionScript } = await import('../../completion/completion-script.js');
    output.raw(completionScript(shell));
  },
});
