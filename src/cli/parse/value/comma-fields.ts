import { BadValue } from './bad-value.js';

const field = /(?:"((?:[^"]|"")*)"|([^",]*))(,|$)/y;

/** Fields of one comma-separated line; a field in double quotes may hold commas (RFC 4180). */
export function commaFields(text: string): string[] {
  const fields: string[] = [];
  field.lastIndex = 0;
  for (;;) {
    const match = field.exec(text);
    if (match === null)
      throw new BadValue('a quoted field must be quoted as a whole', '"src=/a,b",dst=/c');
    fields.push(match[1]?.replaceAll('""', '"') ?? match[2] ?? '');
    if (match[3] === '') return fields;
  }
}
