import type { LogConfig, RestartPolicy } from '../../model/container-config.js';
import { choice } from '../parse/value/choice.js';
import { parsePositiveDuration } from '../parse/value/duration.js';
import { integer } from '../parse/value/number.js';
import { parseRestart } from '../parse/policy.js';
import { parseLogDriver, parseLogOption } from '../parse/security.js';
import { parseSignal } from '../parse/value/signal.js';
import { asText, flag, list, type TableFor, value } from '../program/option.js';

/** How long it lives, and what is kept of its output. */
export interface LifeFlags {
  readonly rm: boolean;
  readonly restart: RestartPolicy | undefined;
  readonly stopSignal: string | undefined;
  readonly stopTimeout: number | undefined;
  readonly ttl: number | undefined;
  readonly idleTimeout: number | undefined;
  readonly dieWithParent: boolean;
  readonly pull: 'always' | 'missing' | 'never' | undefined;
  readonly platform: string | undefined;
  readonly quiet: boolean;
  readonly logDriver: LogConfig['driver'] | undefined;
  readonly logOpt: readonly Partial<Pick<LogConfig, 'maxBytes' | 'maxFiles'>>[];
}

const group = 'Life and logs';

export const lifeOptions: TableFor<LifeFlags> = {
  rm: flag('--rm', 'Remove the container and its anonymous volumes when it ends', { group }),
  restart: value('--restart <policy>', 'no, on-failure[:N], always or unless-stopped', {
    group,
    parse: parseRestart,
    defaultText: 'no',
    complete: ['no', 'on-failure', 'always', 'unless-stopped'],
  }),
  stopSignal: value('--stop-signal <signal>', 'Signal that asks it to end', {
    group,
    parse: parseSignal,
    defaultText: "the image's, else SIGTERM",
  }),
  stopTimeout: value(
    '--stop-timeout <seconds>',
    'Seconds between that signal and SIGKILL; -1: never',
    {
      group,
      parse: integer({ min: -1, example: '30' }),
      defaultText: '10',
    },
  ),
  ttl: value('--ttl <duration>', 'End it after this time, whatever it does', {
    group,
    parse: parsePositiveDuration,
  }),
  idleTimeout: value(
    '--idle-timeout <duration>',
    'End it after this time without CPU use, exec or attach',
    { group, parse: parsePositiveDuration },
  ),
  dieWithParent: flag('--die-with-parent', 'End it when this program ends', { group }),
  pull: value('--pull <when>', 'Pull the image first: always, missing or never', {
    group,
    parse: choice('always', 'missing', 'never'),
    defaultText: 'missing',
    complete: ['always', 'missing', 'never'],
  }),
  platform: value('--platform <platform>', 'Platform of the image: linux/arm64, for example', {
    group,
    parse: asText,
    defaultText: "this machine's",
  }),
  quiet: flag('-q, --quiet', 'Do not show how far the image is', { group }),
  logDriver: value('--log-driver <driver>', 'file, none or raw (written by the program itself)', {
    group,
    parse: parseLogDriver,
    defaultText: 'file',
    complete: ['file', 'none', 'raw'],
  }),
  logOpt: list('--log-opt <option>', 'max-size=SIZE, max-file=N', {
    group,
    parse: parseLogOption,
  }),
};
