import { parseBytes } from '../../base/units.js';

/** One `--mount` of a RUN. */
export type RunMount =
  | {
      readonly type: 'cache';
      readonly target: string;
      readonly id: string;
      readonly readOnly: boolean;
      /** Steps that have the cache at the same time: all of them, or one after the other. */
      readonly sharing: 'shared' | 'locked' | 'private';
      readonly mode: number;
      readonly uid: number;
      readonly gid: number;
    }
  | {
      readonly type: 'bind';
      readonly target: string;
      /** A stage or an image; empty: the context. */
      readonly from: string;
      readonly source: string;
      /** What is written is lost with the step. */
      readonly readOnly: boolean;
    }
  | {
      readonly type: 'secret';
      readonly target: string;
      readonly id: string;
      readonly required: boolean;
      readonly mode: number;
      readonly uid: number;
      readonly gid: number;
    }
  | { readonly type: 'tmpfs'; readonly target: string; readonly sizeBytes: number | undefined };

const aliases: Readonly<Record<string, string>> = {
  dst: 'target',
  destination: 'target',
  src: 'source',
  ro: 'readonly',
  rw: 'readwrite',
};
const known: Readonly<Record<RunMount['type'], readonly string[]>> = {
  cache: ['target', 'id', 'readonly', 'readwrite', 'sharing', 'mode', 'uid', 'gid'],
  bind: ['target', 'from', 'source', 'readonly', 'readwrite'],
  secret: ['target', 'id', 'required', 'mode', 'uid', 'gid'],
  tmpfs: ['target', 'size'],
};

/** `type=cache,target=/root/.cache`. Throws Error with the reason. */
export function parseRunMount(text: string): RunMount {
  const fields = new Map<string, string>();
  for (const field of text.split(',')) {
    const equals = field.indexOf('=');
    const key = (equals < 0 ? field : field.slice(0, equals)).trim().toLowerCase();
    fields.set(aliases[key] ?? key, equals < 0 ? 'true' : field.slice(equals + 1));
  }
  const type = fields.get('type') ?? 'bind';
  fields.delete('type');
  if (!isType(type))
    throw new Error(`unknown mount type ${type}; there are bind, cache, secret, tmpfs`);
  const unknown = [...fields.keys()].find((key) => !known[type].includes(key));
  if (unknown !== undefined) throw new Error(`a ${type} mount has no option ${unknown}`);
  return mountOf(type, fields);
}

function isType(text: string): text is RunMount['type'] {
  return text in known;
}

function mountOf(type: RunMount['type'], fields: ReadonlyMap<string, string>): RunMount {
  const readOnly = flag(fields, 'readonly') ?? false;
  const owner = { uid: number(fields, 'uid', 10) ?? 0, gid: number(fields, 'gid', 10) ?? 0 };
  switch (type) {
    case 'cache': {
      const target = targetOf(fields);
      const sharing = fields.get('sharing') ?? 'shared';
      if (sharing !== 'shared' && sharing !== 'locked' && sharing !== 'private')
        throw new Error(`sharing is shared, private or locked, not ${sharing}`);
      const mode = number(fields, 'mode', 8) ?? 0o755;
      return { type, target, id: fields.get('id') ?? target, readOnly, sharing, mode, ...owner };
    }
    case 'bind':
      return {
        type,
        target: targetOf(fields),
        from: fields.get('from') ?? '',
        source: fields.get('source') ?? '/',
        readOnly: !(flag(fields, 'readwrite') ?? !(flag(fields, 'readonly') ?? true)),
      };
    case 'secret': {
      const given = fields.get('target');
      const id = fields.get('id') ?? given?.split('/').at(-1) ?? '';
      if (!/^[A-Za-z0-9._-]+$/.test(id)) throw new Error('a secret needs an id');
      const target = given ?? `/run/secrets/${id}`;
      const required = flag(fields, 'required') ?? false;
      return { type, target, id, required, mode: number(fields, 'mode', 8) ?? 0o400, ...owner };
    }
    case 'tmpfs': {
      const size = fields.get('size');
      const sizeBytes = size === undefined ? undefined : parseBytes(size);
      return { type, target: targetOf(fields), sizeBytes };
    }
  }
}

function targetOf(fields: ReadonlyMap<string, string>): string {
  const target = fields.get('target');
  if (target === undefined || target === '') throw new Error('a mount needs a target');
  return target;
}

function flag(fields: ReadonlyMap<string, string>, name: string): boolean | undefined {
  const text = fields.get(name);
  if (text === undefined) return undefined;
  if (text !== 'true' && text !== 'false') throw new Error(`${name} is true or false, not ${text}`);
  return text === 'true';
}

function number(
  fields: ReadonlyMap<string, string>,
  ...[name, base]: [name: string, base: 8 | 10]
): number | undefined {
  const text = fields.get(name);
  if (text === undefined) return undefined;
  if (!(base === 8 ? /^[0-7]{1,5}$/ : /^[0-9]{1,10}$/).test(text))
    throw new Error(`${name} is no number: ${text}`);
  return parseInt(text, base);
}
