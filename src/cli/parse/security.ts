import type { LogConfig } from '../../model/container-config.js';
import { BadValue } from './value/bad-value.js';
import { booleanWord } from './value/choice.js';
import { integer } from './value/number.js';
import { parseSize } from './value/size.js';

/** One `--security-opt`; `seccompFile` is the path of a profile that is still to be read. */
export type SecurityOption =
  | { readonly kind: 'noNewPrivileges'; readonly value: boolean }
  | { readonly kind: 'seccomp'; readonly value: 'default' | 'unconfined' }
  | { readonly kind: 'seccompFile'; readonly path: string }
  | { readonly kind: 'systemPathsUnconfined' }
  | { readonly kind: 'nothing' };

const securityExample = 'no-new-privileges';

/** Switching off a label system that Warren does not use changes nothing. */
const alreadySo = ['apparmor=unconfined', 'label=disable'];

function seccomp(value: string): SecurityOption {
  if (value === 'unconfined') return { kind: 'seccomp', value };
  if (value === 'default' || value === 'builtin') return { kind: 'seccomp', value: 'default' };
  return { kind: 'seccompFile', path: value };
}

/** `no-new-privileges[=true|false]`, `seccomp=unconfined|default|FILE`, `systempaths=unconfined` */
export function parseSecurityOption(text: string): SecurityOption {
  const match = /^([a-z-]+)(?:[=:](.*))?$/.exec(text);
  const [, key, value] = match ?? [];
  if (key === 'no-new-privileges') {
    const truth = booleanWord(value ?? 'true');
    if (truth !== undefined) return { kind: 'noNewPrivileges', value: truth };
  }
  if (key === 'seccomp' && value !== undefined && value !== '') return seccomp(value);
  if (key === 'systempaths' && value === 'unconfined') return { kind: 'systemPathsUnconfined' };
  if (alreadySo.includes(text.replace(':', '='))) return { kind: 'nothing' };
  throw new BadValue(
    'it must be no-new-privileges[=BOOL], seccomp=unconfined|default|FILE or systempaths=unconfined',
    securityExample,
  );
}

const drivers: Readonly<Record<string, LogConfig['driver']>> = {
  file: 'file',
  'json-file': 'file',
  local: 'file',
  none: 'none',
  raw: 'raw',
};

/** `--log-driver file|none|raw`; docker's `json-file` and `local` are taken as `file`. */
export function parseLogDriver(text: string): LogConfig['driver'] {
  const driver = drivers[text];
  if (driver === undefined) throw new BadValue('it must be file, none or raw', 'none');
  return driver;
}

/** `--log-opt max-size=SIZE` (-1: no rotation) or `max-file=N`. */
export function parseLogOption(text: string): Partial<Pick<LogConfig, 'maxBytes' | 'maxFiles'>> {
  const [key, value = ''] = text.split('=', 2);
  if (key === 'max-size') return { maxBytes: value === '-1' ? 0 : parseSize(value) };
  if (key === 'max-file') return { maxFiles: integer({ min: 1 })(value) };
  throw new BadValue('the options are max-size=SIZE and max-file=N', 'max-size=10m');
}
