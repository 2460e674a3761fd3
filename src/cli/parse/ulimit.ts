import type { Ulimit } from '../../model/resources.js';
import { BadValue } from './value/bad-value.js';

const names = [
  'core',
  'cpu',
  'data',
  'fsize',
  'locks',
  'memlock',
  'msgqueue',
  'nice',
  'nofile',
  'nproc',
  'rss',
  'rtprio',
  'rttime',
  'sigpending',
  'stack',
] as const;

function amount(text: string): number {
  if (text === '-1' || text === 'unlimited') return -1;
  if (!/^\d+$/.test(text))
    throw new BadValue('a limit is a whole number, or -1 for none', 'nofile=1024:4096');
  return Number(text);
}

/** `--ulimit NAME=SOFT[:HARD]`; -1 means unlimited. */
export function parseUlimit(text: string): Ulimit {
  const [name = '', value, ...rest] = text.split('=');
  if (!names.some((known) => known === name)) {
    throw new BadValue(`the name must be one of ${names.join(', ')}`, 'nofile=1024:4096');
  }
  if (value === undefined || value === '' || rest.length > 0) {
    throw new BadValue('it must be NAME=SOFT or NAME=SOFT:HARD', 'nofile=1024:4096');
  }
  const [softText = '', hardText, ...more] = value.split(':');
  if (more.length > 0) throw new BadValue('it has too many colons', 'nofile=1024:4096');
  const soft = amount(softText);
  const hard = hardText === undefined ? soft : amount(hardText);
  if (hard !== -1 && (soft === -1 || soft > hard)) {
    throw new BadValue('the soft limit must not be above the hard one', 'nofile=1024:4096');
  }
  return { name, soft, hard };
}
