import type { Command, Help } from 'commander';
import type { CommandDefinition } from './definition.js';

const globalHint =
  'Global options are listed by `warren --help` and understood behind a command too.';

function examples(definition: CommandDefinition): string[] {
  if (definition.examples.length === 0) return [];
  return [
    'Examples:',
    ...definition.examples.flatMap(({ command, what }) => [`  # ${what}`, `  ${command}`]),
    '',
  ];
}

function codes(definition: CommandDefinition): string[] {
  if (definition.exitCodes === undefined) return [];
  return ['Exit codes:', ...definition.exitCodes.map((line) => `  ${line}`), ''];
}

/** What follows the options in the help of a command. */
export function helpFooter(definition: CommandDefinition): string {
  return ['', ...examples(definition), ...codes(definition), globalHint].join('\n');
}

/** `IMAGE [COMMAND...]` */
export function usageOf(definition: CommandDefinition): string {
  const words = definition.arguments.map(({ name, required, variadic }) => {
    const word = variadic ? `${name}...` : name;
    return required ? word : `[${word}]`;
  });
  return ['[OPTIONS]', ...words].join(' ');
}

/** Subcommands are listed by name alone; aliases are for those who know them from elsewhere. */
export const helpStyle: Partial<Help> = {
  subcommandTerm: (command: Command) => command.name(),
  commandUsage: (command: Command) => {
    const names: string[] = [];
    for (let next: Command | null = command; next !== null; next = next.parent)
      names.unshift(next.name());
    return `${names.join(' ')} ${command.usage()}`;
  },
  visibleArguments: () => [],
  showGlobalOptions: false,
};
