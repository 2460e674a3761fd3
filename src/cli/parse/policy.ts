import type { RestartPolicy } from '../../model/container-config.js';
import { BadValue } from './value/bad-value.js';

const restartNames = ['no', 'on-failure', 'always', 'unless-stopped'] as const;

/** `--restart no|on-failure[:N]|always|unless-stopped` */
export function parseRestart(text: string): RestartPolicy {
  const [word = '', count, ...rest] = text.split(':');
  const name = restartNames.find((known) => known === (word === '' ? 'no' : word));
  if (name === undefined || rest.length > 0) {
    throw new BadValue(`a restart policy is one of ${restartNames.join(', ')}`, 'on-failure:5');
  }
  if (count === undefined) return { name, maximumRetryCount: 0 };
  if (name !== 'on-failure')
    throw new BadValue('only on-failure has a number of retries', 'on-failure:5');
  if (!/^\d+$/.test(count))
    throw new BadValue('the number of retries must be a whole number', 'on-failure:5');
  return { name, maximumRetryCount: Number(count) };
}

/** `KEY=VALUE` of `--log-opt`, `--sysctl`. */
export function keyValue(example: string): (text: string) => readonly [string, string] {
  return (text) => {
    const equals = text.indexOf('=');
    if (equals <= 0) throw new BadValue('it must be KEY=VALUE', example);
    return [text.slice(0, equals), text.slice(equals + 1)];
  };
}

/** `--filter KEY=VALUE` */
export const parseFilter: (text: string) => readonly [string, string] = keyValue('status=running');

/** Filters by key: the values of one key are alternatives. */
export function collectFilters(
  pairs: readonly (readonly [string, string])[],
): Readonly<Record<string, readonly string[]>> {
  const filters: Record<string, string[]> = {};
  for (const [key, value] of pairs) (filters[key] ??= []).push(value);
  return filters;
}
