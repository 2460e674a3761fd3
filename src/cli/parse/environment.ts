import { BadValue } from './value/bad-value.js';

/** Environment of the caller: `-e NAME` without a value takes it from here. */
export type HostEnvironment = Readonly<Record<string, string | undefined>>;

/** `-e NAME=value`, or `-e NAME`: the caller's value; a bare name stays when the caller has none. */
export function parseEnvironmentFlag(text: string, host: HostEnvironment): string {
  if (text === '' || text.startsWith('=')) throw new BadValue('the name is empty', 'NAME=value');
  if (text.includes('=')) return text;
  const value = host[text];
  return value === undefined ? text : `${text}=${value}`;
}

/** `--label KEY=VALUE` or `--label KEY`. */
export function parseLabel(text: string): readonly [string, string] {
  const equals = text.indexOf('=');
  const key = equals < 0 ? text : text.slice(0, equals);
  if (key === '') throw new BadValue('the key is empty', 'project=web');
  return [key, equals < 0 ? '' : text.slice(equals + 1)];
}

/**
 * Lines of an `--env-file`: `NAME=value`, `NAME` (the caller's value, left out when there is none),
 * blank lines and lines that start with `#`. Values are taken as they are, quotes included.
 */
export function parseEnvironmentFile(content: string, host: HostEnvironment): string[] {
  const entries: string[] = [];
  for (const [index, raw] of content
    .replace(/^\uFEFF/, '')
    .split(/\r?\n/)
    .entries()) {
    const line = raw.trimStart();
    if (line === '' || line.startsWith('#')) continue;
    const equals = line.indexOf('=');
    const name = equals < 0 ? line.trimEnd() : line.slice(0, equals);
    if (name === '' || /\s/.test(name)) {
      throw new BadValue(
        `line ${index + 1}: the name ${JSON.stringify(name)} is empty or has spaces`,
        'NAME=value',
      );
    }
    if (equals >= 0) entries.push(line);
    else if (host[name] !== undefined) entries.push(`${name}=${host[name]}`);
  }
  return entries;
}

/** Lines of a `--label-file`: `KEY=VALUE` or `KEY`, blank lines and comments. */
export function parseLabelFile(content: string): (readonly [string, string])[] {
  return content
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map(parseLabel);
}
