import type { Ulimit } from '../../model/resources.js';
import { BadValue } from '../parse/value/bad-value.js';
import { booleanWord } from '../parse/value/choice.js';
import { parseEnvironmentFlag } from '../parse/environment.js';
import { integer } from '../parse/value/number.js';
import { keyValue } from '../parse/policy.js';
import { parseUlimit } from '../parse/ulimit.js';
import { asText, flag, list, value, type TableFor } from '../program/option.js';

/** The first process. */
export interface ProcessFlags {
  readonly entrypoint: string | undefined;
  readonly env: readonly string[];
  readonly envFile: readonly string[];
  readonly workdir: string | undefined;
  readonly user: string | undefined;
  readonly groupAdd: readonly string[];
  readonly tty: boolean;
  readonly interactive: boolean;
  readonly init: boolean;
  readonly systemd: boolean | 'always' | undefined;
  readonly ulimit: readonly Ulimit[];
  readonly sysctl: readonly (readonly [string, string])[];
  readonly oomScoreAdj: number | undefined;
}

function parseSystemd(text: string): boolean | 'always' {
  const word = text === 'always' ? text : booleanWord(text);
  if (word === undefined) throw new BadValue('it must be one of true, false, always', 'always');
  return word;
}

export const processOptions: TableFor<ProcessFlags> = {
  interactive: flag('-i, --interactive', 'Keep stdin open'),
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
  groupAdd: list('--group-add <group>', 'Another group, by name or number', { parse: asText }),
  entrypoint: value('--entrypoint <command>', 'Replace the entrypoint of the image; empty: none', {
    parse: asText,
  }),
  init: flag('--init', 'Run a small init as PID 1 that forwards signals and reaps processes'),
  systemd: value('--systemd <when>', 'Prepare it for systemd as PID 1: true, false or always', {
    parse: parseSystemd,
    defaultText: 'true: when the command is systemd or an init',
    complete: ['true', 'false', 'always'],
  }),
  ulimit: list('--ulimit <name=soft[:hard]>', 'Limit of each process, such as nofile=1024', {
    group: 'Limits',
    parse: parseUlimit,
  }),
  sysctl: list('--sysctl <name=value>', 'Kernel parameter of its namespaces', {
    group: 'Isolation',
    parse: keyValue('net.ipv4.ip_forward=1'),
  }),
  oomScoreAdj: value('--oom-score-adj <number>', 'Preference of the OOM killer, -1000 to 1000', {
    group: 'Limits',
    parse: integer({ min: -1000, max: 1000, example: '500' }),
  }),
};
