import { closeSync, openSync, unlinkSync, writeSync } from 'node:fs';
import { errnoOf } from '../../../base/errors.js';
import { fileError } from '../../config/given-file.js';
import { usageError } from '../../program/usage-error.js';

/** A file that gets a container's id before the start (`--cidfile`). Unless it is kept, it is removed again at the end. */
export class CidFile implements Disposable {
  readonly #path: string;
  readonly #fd: number;
  #kept = false;

  /** Makes the file, which must not exist: an id of another container must not be lost. */
  constructor(path: string) {
    this.#path = path;
    try {
      this.#fd = openSync(path, 'wx', 0o644);
    } catch (error) {
      if (errnoOf(error) !== 'EEXIST')
        throw fileError('create the file of --cidfile,', path, error);
      throw usageError(
        `The file of --cidfile exists: ${path}`,
        'Make sure that its container is not needed any more, then delete it',
      );
    }
  }

  write(id: string): void {
    writeSync(this.#fd, id);
  }

  /** The container is there to stay. */
  keep(): void {
    this.#kept = true;
  }

  [Symbol.dispose](): void {
    closeSync(this.#fd);
    if (!this.#kept) unlinkSync(this.#path);
  }
}
