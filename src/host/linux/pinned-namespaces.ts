import { mkdirSync, statfsSync } from 'node:fs';
import { dirname } from 'node:path';
import { errnoOf, WarrenError } from '../../base/errors.js';
import type { PinnedNamespaces, ShaperCounters } from '../port.js';
import { run } from './run.js';

/** NSFS_MAGIC of linux/magic.h. */
const namespaceFileSystem = 0x6e73_6673;

/** Network namespaces at paths, by the keeper's program. */
export class LinuxPinnedNamespaces implements PinnedNamespaces {
  readonly #program: () => string;

  constructor(program: () => string) {
    this.#program = program;
  }

  isPinned(path: string): boolean {
    try {
      return statfsSync(path).type === namespaceFileSystem;
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return false;
      throw error;
    }
  }

  async pin(path: string, sysctls: readonly string[]): Promise<boolean> {
    if (this.isPinned(path)) return false;
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    await this.#run(['pin', path, ...sysctls]);
    return true;
  }

  async drop(path: string): Promise<void> {
    await this.#run(['drop', path]);
  }

  async links(path: string): Promise<readonly string[]> {
    const lines = (await this.#run(['links', path])).split('\n');
    return lines.flatMap((line) => /^\s*([^\s:|]+):/.exec(line)?.[1] ?? []);
  }

  listening(
    path: string,
    { address, port }: { readonly address: string; readonly port: number },
    argv: readonly string[],
  ): readonly string[] {
    return [this.#program(), 'netns', 'listen', path, address, String(port), ...argv];
  }

  async shapers(path: string): Promise<ReadonlyMap<number, ShaperCounters>> {
    const lines = (await this.#run(['shapers', path])).split('\n').filter((line) => line !== '');
    return new Map(
      lines.map((line) => {
        const [link = 0, bytes = 0, waitingBytes = 0, dropped = 0, timesHeldUp = 0] = line
          .split(' ')
          .map(Number);
        return [link, { bytes, waitingBytes, dropped, timesHeldUp }];
      }),
    );
  }

  async #run(args: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await run(this.#program(), ['netns', ...args]);
    if (code === 0) return stdout;
    throw new WarrenError('unavailable', 'NAMESPACE_FAILED', stderr.trim(), {
      hint: 'Run warren doctor',
    });
  }
}
