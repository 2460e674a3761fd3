import { LmdbContainers } from './containers.js';
import { closeDatabase, openDatabase } from './database.js';
import { LmdbIdRanges } from './id-ranges.js';
import { LmdbIntents } from './intents.js';
import type { RecordsStore } from './store.js';
import { LmdbNetworks } from './networks/networks.js';
import { LmdbPorts } from './networks/ports.js';
import { LmdbVolumes } from './volumes.js';

/**
 * Opens the records of a data root (an existing directory); any number of processes may.
 * @throws WarrenError unsupported (NETWORK_FILE_SYSTEM, DATA_ROOT_NEWER, FOREIGN_PID_NAMESPACE)
 */
export async function openRecords(dataRoot: string): Promise<RecordsStore> {
  const tables = await openDatabase(dataRoot);
  const intents = new LmdbIntents(tables);
  return {
    containers: new LmdbContainers(tables),
    volumes: new LmdbVolumes(tables),
    networks: new LmdbNetworks(tables),
    ports: new LmdbPorts(tables),
    intents,
    idRanges: new LmdbIdRanges(tables),
    checkReaders: () => tables.root.readerCheck(),
    flushed: async () => {
      await tables.root.flushed;
    },
    close: async () => {
      await closeDatabase(tables);
    },
  };
}
