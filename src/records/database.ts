import { mkdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { type Database, open, type RootDatabase } from 'lmdb';
import { WarrenError } from '../base/errors.js';
import { requireLocalFileSystem } from './file-system.js';

/** Of everything below the data root; grows when an older Warren could not read what a newer one writes. */
export const formatVersion = 1;

const maximumReaders = 8192;
const mapSizeBytes = 8 * 2 ** 30;

/** The tables of the database. */
export interface Tables {
  readonly root: RootDatabase;
  /** Where the database is. */
  readonly directory: string;
  /** Id → packed record. */
  readonly containers: Database<unknown[], string>;
  /** Name → id. */
  readonly names: Database<string, string>;
  /** Digest → `{ spec, layers }` that containers share. */
  readonly specs: Database<unknown, string>;
  /** Digest → number of containers. */
  readonly specUses: Database<number, string>;
  /** First id → `[count, container id, or '' when freed]`. */
  readonly idRanges: Database<[number, string], number>;
  readonly volumes: Database<unknown, string>;
  readonly intents: Database<unknown, string>;
  /** Scalars: `format`, `opener`, `nextRange`. */
  readonly meta: Database<unknown, string>;
}

/**
 * Opens `<dataRoot>/records`. Commits are visible at once and flushed soon after (overlapping sync): a power cut may lose
 * the last moments, never the database.
 * @throws WarrenError unsupported (NETWORK_FILE_SYSTEM, DATA_ROOT_NEWER, FOREIGN_PID_NAMESPACE)
 */
export function openDatabase(dataRoot: string): Tables {
  const path = join(dataRoot, 'records');
  mkdirSync(path, { recursive: true, mode: 0o700 });
  requireLocalFileSystem(path);
  const root = open({
    path,
    noSubdir: false,
    maxDbs: 16,
    maxReaders: maximumReaders,
    mapSize: mapSizeBytes,
    overlappingSync: true,
    // Several tables are written in one transaction: their order must be the order of the calls.
    strictAsyncOrder: true,
  });
  const tables: Tables = {
    root,
    directory: path,
    containers: root.openDB('containers', { encoding: 'msgpack' }),
    names: root.openDB('names', { encoding: 'string' }),
    specs: root.openDB('specs', { encoding: 'json' }),
    specUses: root.openDB('specUses', { encoding: 'msgpack' }),
    idRanges: root.openDB('idRanges', { encoding: 'msgpack' }),
    volumes: root.openDB('volumes', { encoding: 'json' }),
    intents: root.openDB('intents', { encoding: 'json' }),
    meta: root.openDB('meta', { encoding: 'json' }),
  };
  requireFormat(tables, dataRoot);
  requirePidNamespace(tables, dataRoot);
  root.readerCheck();
  return tables;
}

function requireFormat({ meta }: Tables, dataRoot: string): void {
  const found = meta.get('format');
  if (found === formatVersion) return;
  if (found === undefined) {
    meta.putSync('format', formatVersion);
    return;
  }
  throw new WarrenError(
    'unsupported',
    'DATA_ROOT_NEWER',
    `Cannot open data root ${dataRoot}: its format is ${JSON.stringify(found)}, this version reads ${formatVersion}`,
    { hint: 'Use the version of warren that wrote it, or another data root' },
  );
}

interface Opener {
  readonly bootId: string;
  readonly pidNamespace: string;
}

/** The reader table holds pids: a process of another pid namespace would take living readers for dead ones. */
function requirePidNamespace({ meta, root }: Tables, dataRoot: string): void {
  const own: Opener = {
    bootId: readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim(),
    pidNamespace: readlinkSync('/proc/self/ns/pid'),
  };
  const last = meta.get('opener') as Opener | undefined;
  if (last?.bootId === own.bootId && last.pidNamespace === own.pidNamespace) return;
  const foreign = last?.bootId === own.bootId && /^\s*\d+/m.test(root.readerList());
  if (!foreign) {
    meta.putSync('opener', own);
    return;
  }
  throw new WarrenError(
    'unsupported',
    'FOREIGN_PID_NAMESPACE',
    `Cannot open data root ${dataRoot}: it is in use from another pid namespace`,
    { hint: 'Use a data root of its own inside a container' },
  );
}
