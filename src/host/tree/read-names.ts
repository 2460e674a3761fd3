import { promises } from 'node:fs';
import type { ByteString } from '../../base/tar/tar-header.js';
import type { DirectoryHandle } from './directory-handle.js';

/**
 * The names in a directory, without `.` and `..`, in the order in which the file system gives them. Read in
 * small pieces: the directory's owner decides how many there are.
 */
export async function* readNames(directory: DirectoryHandle): AsyncGenerator<ByteString> {
  const entries = await promises.opendir(directory.self, {
    encoding: 'latin1' as BufferEncoding,
    bufferSize: 256,
  });
  for await (const { name } of entries) yield name;
}
