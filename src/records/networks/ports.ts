import type { PublishedPort } from '../../model/network/network.js';
import type { Tables } from '../database.js';
import type { PortRecords } from '../store.js';
import { portOwner } from './port-claims.js';

export class LmdbPorts implements PortRecords {
  readonly #tables: Pick<Tables, 'ports'>;

  constructor(tables: Pick<Tables, 'ports'>) {
    this.#tables = tables;
  }

  owner(port: PublishedPort): string | undefined {
    return portOwner(this.#tables, port);
  }
}
