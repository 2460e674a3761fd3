import { createHash } from 'node:crypto';
import { WarrenError } from '../base/errors.js';
import { deepFreeze } from '../base/freeze.js';
import type { ContainerSpec } from '../model/container-config.js';
import type {
  ContainerId,
  ContainerRecord,
  ContainerRun,
  ExitInfo,
  ExitReason,
  ResolvedVolume,
} from '../model/container.js';
import {
  packEndpoints,
  packPorts,
  unpackEndpoints,
  unpackPorts,
} from './networks/endpoint-encoding.js';
import { idsPerContainer } from '../model/defaults.js';

/** What containers of one batch have in common, stored once by its digest. */
export interface SharedPart {
  readonly spec: ContainerSpec;
  readonly layers: readonly string[];
}

export interface SharedEntry extends SharedPart {
  readonly digest: string;
  readonly json: string;
}

const digests = new WeakMap<ContainerSpec, SharedEntry>();

/** Specs are frozen: one object has one digest, computed once for a batch of thousands. */
export function sharedPart(record: ContainerRecord): SharedEntry {
  const known = digests.get(record.spec);
  if (known?.layers === record.layers) return known;
  const { spec, layers } = record;
  const json = JSON.stringify({ spec, layers });
  const digest = createHash('sha256').update(json).digest('base64url');
  const entry = { spec, layers, digest, json };
  digests.set(spec, entry);
  return entry;
}

const phases: readonly ContainerRecord['phase'][] = [
  'created',
  'started',
  'exited',
  'removing',
  'dead',
];

function packExit(exit: ExitInfo | null): unknown[] | null {
  if (exit === null) return null;
  const { code, signal, oomKilled, reason, startedAtMs, finishedAtMs, usage } = exit;
  const { userUs, systemUs, maxRssBytes } = usage;
  return [
    code,
    signal,
    oomKilled,
    reason,
    startedAtMs,
    finishedAtMs,
    userUs,
    systemUs,
    maxRssBytes,
  ];
}

function unpackExit(packed: unknown): ExitInfo | null {
  if (packed === null) return null;
  const [
    code,
    signal,
    oomKilled,
    reason,
    startedAtMs,
    finishedAtMs,
    userUs,
    systemUs,
    maxRssBytes,
  ] = packed as [
    number | null,
    string | null,
    boolean,
    ExitReason,
    number,
    number,
    number,
    number,
    number,
  ];
  const usage = { userUs, systemUs, maxRssBytes };
  return { code, signal, oomKilled, reason, startedAtMs, finishedAtMs, usage };
}

function packRun(run: ContainerRun | null): unknown[] | null {
  return run === null ? null : [run.keeper, run.bootId, run.generation, run.startedAtMs];
}

function unpackRun(packed: unknown): ContainerRun | null {
  if (packed === null) return null;
  const [keeper, bootId, generation, startedAtMs] = packed as [number, string, number, number];
  return { keeper, bootId, generation, startedAtMs };
}

/** A record as a list: without the field names, and with the digest in place of the spec. The id is the key. */
export function packRecord(record: ContainerRecord, digest: string): unknown[] {
  return [
    record.name,
    record.createdAtMs,
    digest,
    record.ids === null ? null : record.ids.base,
    record.ids === null ? 0 : record.ids.count,
    record.volumes.length === 0
      ? null
      : record.volumes.map((volume) => [volume.target, volume.name, volume.anonymous]),
    record.cgroupPath,
    phases.indexOf(record.phase),
    packRun(record.run),
    packExit(record.lastExit),
    record.restartCount,
    record.stoppedByUser,
    record.fence,
    packEndpoints(record.endpoints),
    packPorts(record.ports),
  ];
}

const noVolumes: readonly ResolvedVolume[] = Object.freeze([]);

function unpackVolumes(packed: unknown): readonly ResolvedVolume[] {
  if (packed === null) return noVolumes;
  return (packed as [string, string, boolean][]).map(([target, name, anonymous]) => ({
    target,
    name,
    anonymous,
  }));
}

export function digestOf(packed: readonly unknown[]): string {
  return packed[2] as string;
}

export function unpackRecord(
  id: string,
  packed: readonly unknown[],
  shared: SharedPart,
): ContainerRecord {
  const base = packed[3] as number | null;
  const phase = phases[packed[7] as number];
  if (phase === undefined) {
    throw new WarrenError('corrupt', 'RECORD_CORRUPT', `Cannot read the record of container ${id}`);
  }
  return {
    id: id as ContainerId,
    name: packed[0] as string,
    createdAtMs: packed[1] as number,
    spec: shared.spec,
    ids: base === null ? null : { base, count: (packed[4] as number) || idsPerContainer },
    layers: shared.layers,
    volumes: unpackVolumes(packed[5]),
    cgroupPath: packed[6] as string,
    phase,
    run: unpackRun(packed[8]),
    lastExit: unpackExit(packed[9]),
    restartCount: packed[10] as number,
    stoppedByUser: packed[11] as boolean,
    fence: BigInt(packed[12] as bigint | number),
    endpoints: unpackEndpoints(packed[13]),
    ports: unpackPorts(packed[14]),
  };
}

export function parseShared(value: unknown): SharedPart {
  return deepFreeze(value as SharedPart);
}
