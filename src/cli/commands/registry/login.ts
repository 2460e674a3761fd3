import { createInterface } from 'node:readline/promises';
import { text } from 'node:stream/consumers';
import { Writable } from 'node:stream';
import type { CommandContext } from '../../context.js';
import {
  defineCommand,
  optionalArgument,
  type CommandDefinition,
} from '../../program/definition.js';
import { asText, flag, value } from '../../program/option.js';
import { usageError } from '../../program/usage-error.js';

export const command: CommandDefinition = defineCommand({
  description:
    "Tries a name and a password at a registry and keeps them, where Docker's tools do: config.json of DOCKER_CONFIG, or the credential helper that it names.",
  arguments: [optionalArgument('SERVER')],
  options: {
    username: value('-u, --username <name>', 'Name', { parse: asText, defaultText: 'asked for' }),
    password: value(
      '-p, --password <password>',
      'Password; others see it in the list of processes',
      {
        parse: asText,
        defaultText: 'asked for',
      },
    ),
    passwordStdin: flag('--password-stdin', 'Read the password from stdin'),
  },
  examples: [
    {
      command: 'warren login -u me --password-stdin registry.local:5000 <password.txt',
      what: 'Log in without a question',
    },
  ],
  run: async (context, { args: [server], options: flags }) => {
    if (flags.password !== undefined && flags.passwordStdin)
      throw usageError('Flags exclude each other: --password and --password-stdin');
    if (flags.passwordStdin && flags.username === undefined)
      throw usageError('--password-stdin needs --username');
    const username = flags.username ?? (await ask(context, 'Username: ', { hidden: false }));
    const password = flags.passwordStdin
      ? (await text(process.stdin)).replace(/\r?\n$/, '')
      : (flags.password ?? (await ask(context, 'Password: ', { hidden: true })));
    const engine = await context.engine();
    const { kept } = await engine.registries.login(server, { username, password }, context.signal);
    if (context.output.json) context.output.object({ kept });
    else context.output.lines([`Credentials are kept in ${kept}`, 'Login Succeeded']);
  },
});

async function ask(
  { signal }: CommandContext,
  question: string,
  { hidden }: { readonly hidden: boolean },
): Promise<string> {
  if (!process.stdin.isTTY) {
    throw usageError('There is no terminal to ask on', 'Use --username and --password-stdin');
  }
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({
    input: process.stdin,
    output: hidden ? nowhere : process.stderr,
    terminal: true,
  });
  try {
    if (hidden) process.stderr.write(question);
    const answer = await lines.question(hidden ? '' : question, { signal });
    if (hidden) process.stderr.write('\n');
    return answer;
  } finally {
    lines.close();
  }
}
