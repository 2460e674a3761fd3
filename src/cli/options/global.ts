import { choice } from '../parse/value/choice.js';
import { asText, flag, value, type OptionTable, type TableFor } from '../program/option.js';

/** What every command understands, in front of its name or behind it. */
export interface GlobalOptions {
  readonly dataRoot: string | undefined;
  readonly runDir: string | undefined;
  readonly cgroupParent: string | undefined;
  readonly logLevel: 'error' | 'warn' | 'info' | 'debug' | undefined;
  readonly json: boolean;
}

export const globalOptions: TableFor<GlobalOptions> & OptionTable = {
  dataRoot: value('--data-root <dir>', 'Where images, containers and volumes are kept', {
    parse: asText,
    complete: 'directory',
    defaultText: '$WARREN_DATA_ROOT, else /var/lib/warren',
  }),
  runDir: value('--run-dir <dir>', 'Where sockets and other things of this boot are kept', {
    parse: asText,
    complete: 'directory',
    defaultText: '$WARREN_RUN_DIR, else /run/warren',
  }),
  cgroupParent: value('--cgroup-parent <path>', 'Cgroup below which containers get theirs', {
    parse: asText,
    defaultText: '/warren, or a delegated unit',
  }),
  logLevel: value('--log-level <level>', 'What the keeper logs: error, warn, info, debug', {
    parse: choice('error', 'warn', 'info', 'debug'),
    complete: ['error', 'warn', 'info', 'debug'],
  }),
  json: flag('--json', 'Print results and errors as JSON, one object per line'),
};
