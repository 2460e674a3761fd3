import { existsSync, mkdirSync, readFileSync, readlinkSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type Database, open, type RootDatabase } from 'lmdb';
import { WarrenError } from '../base/errors.js';
import { requireLocalFileSystem } from './file-system.js';
import { Gate } from './gate.js';
import { requireSpaceToChange } from './space.js';
import { Writer } from './writer.js';

/** Of everything below the data root; grows when an older Warren could not read what a newer one writes. */
export const formatVersion = 1;

const maximumReaders = 8192;
const mapSizeBytes = 8 * 2 ** 30;

export type PortKey = [protocol: string, port: number, hostIp: string];

/** The tables of the database. */
export interface Tables {
  readonly root: RootDatabase;
  /** The only way to write. */
  readonly writer: Writer;
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
  /** Id → network. */
  readonly networks: Database<unknown, string>;
  /** Network's number and address → container id. */
  readonly addresses: Database<string, [number, string]>;
  /** Slot of an endpoint → container id and network's number. */
  readonly slots: Database<[string, number], number>;
  /** Protocol, port and address of the host ('' for all) → id of the container that holds it. */
  readonly ports: Database<string, PortKey>;
  /** Network's number, a container's name on it in lower case, and its id → 1. */
  readonly networkNames: Database<number, [number, string, string]>;
  readonly intents: Database<unknown, string>;
  /** Scalars: `format`, `opener`, `nextRange`, `nextSlot`, `nextAddress:NETWORK:FAMILY`. */
  readonly meta: Database<unknown, string>;
}

/**
 * Opens `<dataRoot>/records`, and makes it first when it is missing. Commits are visible at once and flushed soon after
 * (overlapping sync): a power cut may lose the last moments, never the database.
 * @throws WarrenError unsupported (NETWORK_FILE_SYSTEM, DATA_ROOT_NEWER, FOREIGN_PID_NAMESPACE)
 */
export async function openDatabase(dataRoot: string): Promise<Tables> {
  requireLocalFileSystem(dataRoot);
  const gate = Gate.enter(dataRoot);
  try {
    return await gate.through(async () => await openAlone(dataRoot, gate));
  } catch (error) {
    gate.leave();
    throw error;
  }
}

/** Waits for what is being written, and closes. */
export async function closeDatabase({ root, writer }: Tables): Promise<void> {
  try {
    await writer.settled();
    await root.flushed;
    await writer.gate.through(async () => {
      await root.close();
    });
  } finally {
    writer.gate.leave();
  }
}

async function openAlone(dataRoot: string, gate: Gate): Promise<Tables> {
  const path = join(dataRoot, 'records');
  if (!existsSync(path)) await create(path, gate);
  const tables = openTables(path, gate);
  try {
    requireFormat(tables, dataRoot);
    await requirePidNamespace(tables, dataRoot);
  } catch (error) {
    await tables.root.close();
    throw error;
  }
  return tables;
}

/**
 * Makes an empty database beside its place and renames it there, so that it is never incomplete. Who is through the gate is the only
 * one that does: what is found beside it was left by a process that failed or was killed.
 */
async function create(path: string, gate: Gate): Promise<void> {
  const own = `${path}.new`;
  rmSync(own, { recursive: true, force: true });
  mkdirSync(own, { mode: 0o700 });
  const tables = openTables(own, gate);
  tables.meta.putSync('format', formatVersion);
  await tables.root.flushed;
  await tables.root.close();
  renameSync(own, path);
}

function openTables(path: string, gate: Gate): Tables {
  const root = open({
    path,
    noSubdir: false,
    maxDbs: 32,
    maxReaders: maximumReaders,
    mapSize: mapSizeBytes,
    overlappingSync: true,
    // Several tables are written in one transaction: their order must be the order of the calls.
    strictAsyncOrder: true,
  });
  return {
    root,
    writer: new Writer(root, gate),
    directory: path,
    containers: root.openDB('containers', { encoding: 'msgpack' }),
    names: root.openDB('names', { encoding: 'string' }),
    specs: root.openDB('specs', { encoding: 'json' }),
    specUses: root.openDB('specUses', { encoding: 'msgpack' }),
    idRanges: root.openDB('idRanges', { encoding: 'msgpack' }),
    volumes: root.openDB('volumes', { encoding: 'json' }),
    networks: root.openDB('networks', { encoding: 'json' }),
    addresses: root.openDB('addresses', { encoding: 'string' }),
    slots: root.openDB('slots', { encoding: 'msgpack' }),
    ports: root.openDB('ports', { encoding: 'string' }),
    networkNames: root.openDB('networkNames', { encoding: 'msgpack' }),
    intents: root.openDB('intents', { encoding: 'json' }),
    meta: root.openDB('meta', { encoding: 'json' }),
  };
}

function requireFormat({ meta }: Tables, dataRoot: string): void {
  const found = meta.get('format');
  if (found === formatVersion) return;
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
async function requirePidNamespace(tables: Tables, dataRoot: string): Promise<void> {
  const { meta, root } = tables;
  const own: Opener = {
    bootId: readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim(),
    pidNamespace: readlinkSync('/proc/self/ns/pid'),
  };
  const last = meta.get('opener') as Opener | undefined;
  if (last?.bootId === own.bootId && last.pidNamespace === own.pidNamespace) return;
  const foreign = last?.bootId === own.bootId && readersOf(tables) > 0;
  if (!foreign) {
    requireSpaceToChange(tables.directory);
    await root.transaction(() => void meta.put('opener', own));
    return;
  }
  throw new WarrenError(
    'unsupported',
    'FOREIGN_PID_NAMESPACE',
    `Cannot open data root ${dataRoot}: it is in use from another pid namespace`,
    { hint: 'Use a data root of its own inside a container' },
  );
}

/** Entries of the reader table, dead ones included. */
function readersOf({ root }: Tables): number {
  return root.readerList().match(/^\s*\d+/gm)?.length ?? 0;
}
