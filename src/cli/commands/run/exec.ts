import { readGivenFile } from '../../config/given-file.js';
import { defined } from '../../config/defined.js';
import { exitCodes } from '../../exit-code.js';
import { parseEnvironmentFile, parseEnvironmentFlag } from '../../parse/environment.js';
import {
  argument,
  argumentList,
  defineCommand,
  type CommandDefinition,
} from '../../program/definition.js';
import { asText, flag, list, value } from '../../program/option.js';
import { connect } from '../../terminal/connect.js';
import { detachKeysOf, detachKeysOption, requireTerminal, terminalOf } from './foreground.js';

const options = {
  detach: flag('-d, --detach', 'Leave it in the background, without output'),
  interactive: flag('-i, --interactive', 'Connect stdin'),
  tty: flag('-t, --tty', 'Give it a terminal'),
  env: list('-e, --env <name=value>', 'Set a variable; a name alone takes it from here', {
    parse: (text) => parseEnvironmentFlag(text, process.env),
  }),
  envFile: list('--env-file <file>', 'Read variables from a file', {
    parse: asText,
    complete: 'file',
  }),
  workdir: value('-w, --workdir <dir>', 'Directory to start in', { parse: asText }),
  user: value('-u, --user <user[:group]>', 'User, by name or number', { parse: asText }),
  privileged: flag('--privileged', 'All capabilities that the container may have'),
  detachKeys: detachKeysOption,
};

export const command: CommandDefinition = defineCommand({
  description: 'Runs a command in a running container and ends with its exit code.',
  arguments: [
    argument('CONTAINER', 'container'),
    argument('COMMAND'),
    argumentList('ARG', { required: false }),
  ],
  passThrough: true,
  options,
  exitCodes: [
    '126  the command is not executable',
    '127  the command does not exist',
    '128 + N  the process ended by signal N',
    "any other  the process's own; 1 when there is no such running container",
  ],
  examples: [
    { command: 'warren exec web ps', what: 'Run a command' },
    { command: 'warren exec -it web sh', what: 'Get a shell' },
    { command: 'echo hi | warren exec -i web cat', what: 'Pass input to a command' },
  ],
  run: async (context, { args, options: flags }) => {
    const [reference = '', ...words] = args;
    const { tty, detach } = flags;
    const stdin = flags.interactive && !detach;
    requireTerminal({ tty, stdin });
    const files = flags.envFile.flatMap((path) =>
      readGivenFile('--env-file', path, (content) => parseEnvironmentFile(content, process.env)),
    );
    const engine = await context.engine();
    const container = await engine.get(reference);
    const running = await container.spawn(words, {
      ...defined({ workingDir: flags.workdir, user: flags.user }),
      env: [...files, ...flags.env],
      privileged: flags.privileged,
      tty,
      stdin,
      output: !detach,
      ...terminalOf(tty),
      ...(detach ? {} : { signal: context.signal }),
    });
    if (detach) {
      await running.detach();
      return exitCodes.ok;
    }
    const outcome = await connect(running, {
      tty,
      detachKeys: detachKeysOf(flags.detachKeys),
      proxySignals: false,
      signals: context.signals,
    });
    return outcome.kind === 'exited' ? outcome.exitCode : exitCodes.ok;
  },
});
