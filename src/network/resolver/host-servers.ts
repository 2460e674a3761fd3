import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { errnoOf } from '../../base/errors.js';

/** As resolv.conf(5) has it: three, and the machine itself when none is named. */
const mostServers = 3;
const ownServer = '127.0.0.1';
const freshMs = 1000;

/** Name servers of the host, stubs on its loopback too; the file is read again when it may have changed. */
export class HostServers {
  readonly #path: string;
  readonly #now: () => number;
  #known: readonly string[] = [];
  #readAtMs = Number.NEGATIVE_INFINITY;

  constructor(path: string, now: () => number) {
    this.#path = path;
    this.#now = now;
  }

  get servers(): readonly string[] {
    if (this.#now() - this.#readAtMs > freshMs) {
      this.#known = serversOf(textOf(this.#path));
      this.#readAtMs = this.#now();
    }
    return this.#known;
  }
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return '';
    throw error;
  }
}

/** Addresses of the `nameserver` lines of a resolv.conf. */
export function serversOf(text: string): readonly string[] {
  const found = text.split('\n').flatMap((line) => {
    const [word, address = ''] = line.trim().split(/\s+/);
    return word === 'nameserver' && isIP(address.split('%')[0] ?? '') !== 0 ? [address] : [];
  });
  return found.length === 0 ? [ownServer] : found.slice(0, mostServers);
}
