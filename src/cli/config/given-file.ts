import { readFileSync } from 'node:fs';
import { errnoOf, WarrenError } from '../../base/errors.js';
import { refusedValue } from '../program/usage-error.js';

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EACCES: 'permission denied',
  EISDIR: 'it is a directory',
  ENOTDIR: 'a part of the path is no directory',
  ENOSPC: 'no space is left there',
};

/** The error of a file that a flag names and that cannot be used. */
export function fileError(what: string, path: string, cause: unknown): WarrenError {
  const errno = errnoOf(cause) ?? 'unknown error';
  return new WarrenError(
    'invalidArgument',
    'FILE_UNUSABLE',
    `Cannot ${what} ${path}: ${reasons[errno] ?? errno}`,
    { cause },
  );
}

/** What `parse` makes of the file that a flag names; errors name flag and file. */
export function readGivenFile<T>(flag: string, path: string, parse: (content: string) => T): T {
  let content: string;
  try {
    content = readFileSync(path, 'utf8');
  } catch (error) {
    throw fileError(`read the file of ${flag},`, path, error);
  }
  try {
    return parse(content);
  } catch (error) {
    throw refusedValue(error, { flag, value: path });
  }
}
