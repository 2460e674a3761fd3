import { BadValue } from './value/bad-value.js';

/** Where the content of a secret comes from. */
export interface SecretFlag {
  readonly id: string;
  readonly from:
    | { readonly kind: 'file'; readonly path: string }
    | { readonly kind: 'environment'; readonly name: string };
}

/** `--secret id=token,src=./token` or `--secret id=token,env=TOKEN`. */
export function parseSecret(text: string): SecretFlag {
  const example = 'id=token,src=./token.txt';
  const fields = new Map<string, string>();
  for (const field of text.split(',')) {
    const equals = field.indexOf('=');
    if (equals <= 0) throw new BadValue(`${JSON.stringify(field)} is not KEY=VALUE`, example);
    fields.set(field.slice(0, equals), field.slice(equals + 1));
  }
  const id = fields.get('id') ?? '';
  if (!/^[A-Za-z0-9._-]+$/.test(id)) throw new BadValue('the id is missing', example);
  const unknown = [...fields.keys()].find(
    (key) => !['id', 'src', 'source', 'env', 'type'].includes(key),
  );
  if (unknown !== undefined) throw new BadValue(`there is no option ${unknown}`, example);
  const path = fields.get('src') ?? fields.get('source');
  const type = fields.get('type') ?? (path === undefined ? 'env' : 'file');
  if (type === 'file') return { id, from: { kind: 'file', path: path ?? id } };
  if (type !== 'env') throw new BadValue(`the type is file or env, not ${type}`, example);
  return { id, from: { kind: 'environment', name: fields.get('env') ?? path ?? id } };
}
