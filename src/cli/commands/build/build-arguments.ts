import { createReadStream, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { WarrenError } from '../../../base/errors.js';
import type { BuildOptions } from '../../../engine/build/contract.js';
import { fileError } from '../../config/given-file.js';
import type { SecretFlag } from '../../parse/secret.js';

/** Contents of secrets. Throws invalidArgument. */
export function readSecrets(flags: readonly SecretFlag[]): Readonly<Record<string, Buffer>> {
  return Object.fromEntries(flags.map((flag) => [flag.id, contentOf(flag)]));
}

function contentOf({ id, from }: SecretFlag): Buffer {
  if (from.kind === 'environment') {
    const value = process.env[from.name];
    if (value !== undefined) return Buffer.from(value);
    throw new WarrenError(
      'invalidArgument',
      'SECRET_MISSING',
      `Cannot use secret ${id}: the environment has no ${from.name}`,
    );
  }
  try {
    return readFileSync(from.path);
  } catch (error) {
    throw fileError('read secret', from.path, error);
  }
}

/** `NAME=value`; a bare name takes the caller's value and is left out when there is none. */
export function buildArguments(texts: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(
    texts.flatMap((text): [string, string][] => {
      const equals = text.indexOf('=');
      if (equals > 0) return [[text.slice(0, equals), text.slice(equals + 1)]];
      const value = process.env[text];
      return value === undefined ? [] : [[text, value]];
    }),
  );
}

/**
 * Context and Dockerfile: `-` in the place of the one is a Dockerfile or a tar on stdin, in the place of the other a
 * Dockerfile on stdin.
 */
export async function buildInput(
  context: string,
  file: string | undefined,
): Promise<Pick<BuildOptions, 'context' | 'contextArchive' | 'dockerfile' | 'dockerfileText'>> {
  if (context !== '-') {
    if (/^(?:https?|git|ssh):\/\/|^git@|\.git$/.test(context))
      throw new WarrenError(
        'unsupported',
        'REMOTE_CONTEXT',
        `Cannot build from ${context}: contexts are directories of this machine`,
        { hint: 'Clone or download it first' },
      );
    if (file !== '-') return { context: resolve(context), ...(file === undefined ? {} : { dockerfile: file }) };
    return { context: resolve(context), dockerfile: '-', dockerfileText: await stdinText() };
  }
  if (file === '-')
    throw new WarrenError(
      'invalidArgument',
      'STDIN_TWICE',
      'Cannot build: context and Dockerfile cannot both come from stdin',
    );
  const chunks: Buffer[] = [];
  for await (const chunk of createReadStream('', { fd: 0 })) chunks.push(chunk as Buffer);
  const content = Buffer.concat(chunks);
  if (isArchive(content)) {
    const archive = async function* (): AsyncGenerator<Buffer> {
      yield content;
    };
    return { context: '-', contextArchive: archive(), ...(file === undefined ? {} : { dockerfile: file }) };
  }
  const empty = async function* (): AsyncGenerator<Buffer> {
    yield Buffer.alloc(1024);
  };
  return {
    context: '-',
    contextArchive: empty(),
    dockerfile: '-',
    dockerfileText: content.toString('utf8'),
  };
}

async function stdinText(): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of createReadStream('', { fd: 0 })) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

function isArchive(content: Buffer): boolean {
  const magics = ['1f8b', '28b52ffd'];
  const start = content.toString('hex', 0, 4);
  return (
    magics.some((magic) => start.startsWith(magic)) ||
    content.toString('latin1', 257, 262) === 'ustar'
  );
}
