/** Payloads of replies → the port's types. */
import type { BinaryReader } from '../../../base/binary.js';
import { WarrenError } from '../../../base/errors.js';
import { noExit } from '../../no-exit.js';
import type { KeeperEvent, KeeperExit, KeeperState, KeeperStatus, Launched } from '../../port.js';
import {
  clampKinds,
  containerStatuses,
  eventKinds,
  exitHows,
  exitReasons,
  healthStatuses,
} from '../protocol.js';

const nsPerMs = 1_000_000;

export interface Hello {
  readonly protocol: number;
  readonly version: string;
  readonly pid: number;
  readonly holderPid: number;
  readonly instance: number;
  readonly bootId: string;
}

export function decodeHello(reader: BinaryReader): Hello {
  return {
    protocol: reader.u16(),
    version: reader.str(),
    pid: reader.u32(),
    holderPid: reader.u32(),
    instance: reader.u16(),
    bootId: reader.str(),
  };
}

export type LaunchedReply = Pick<Launched, 'pid' | 'startedAtMs' | 'clamps' | 'phaseTimesNs'>;

export function decodeLaunched(reader: BinaryReader): LaunchedReply {
  return {
    pid: reader.u32(),
    startedAtMs: milliseconds(reader),
    clamps: reader.list((item) => ({
      kind: known(clampKinds, item.u8()) === 'rlimit' ? ('rlimit' as const) : ('cgroup' as const),
      name: item.str(),
      wanted: item.u64Number(),
      given: item.u64Number(),
    })),
    phaseTimesNs: reader.list((item) => item.u32()),
  };
}

/** On the wire; as many of what has not ended. */
const exitBytes = 47;

export function decodeExit(reader: BinaryReader): KeeperExit {
  const how = known(exitHows, reader.u8());
  if (how === 'none') {
    reader.raw(exitBytes - 1);
    return noExit;
  }
  return {
    how,
    code: reader.i32(),
    oomKilled: reader.bool(),
    startedAtMs: milliseconds(reader),
    finishedAtMs: milliseconds(reader),
    userUs: reader.u64Number(),
    systemUs: reader.u64Number(),
    maxRssBytes: reader.u64Number(),
    reason: known(exitReasons, reader.u8()),
  };
}

/** EXIT names its container first. */
export function decodeExitReply(reader: BinaryReader): KeeperExit {
  reader.str();
  return decodeExit(reader);
}

/** The errno of each container, in the order in which they were named; 0: done. */
export function decodeSignaled(reader: BinaryReader): readonly number[] {
  return reader.list((item) => item.i32());
}

export function decodeStates(reader: BinaryReader): {
  readonly more: boolean;
  readonly states: readonly KeeperState[];
} {
  return { more: reader.bool(), states: reader.list(decodeState) };
}

function decodeState(reader: BinaryReader): KeeperState {
  const container = reader.str();
  const status = known(containerStatuses, reader.u8());
  if (status === 'none') throw unknownValue(0);
  return {
    container,
    status,
    pid: reader.u32(),
    startedAtMs: milliseconds(reader),
    exit: decodeExit(reader),
    restarts: reader.u32(),
    health: known(healthStatuses, reader.u8()),
    failingStreak: reader.u32(),
    generation: reader.u64Number(),
    nextStartAtMs: milliseconds(reader),
  };
}

/** undefined for kinds of a newer keeper. */
export function decodeEvent(reader: BinaryReader): KeeperEvent | undefined {
  const kind = eventKinds[reader.u16()];
  if (kind === undefined || kind === 'none') return undefined;
  const timeNs = reader.u64();
  return {
    kind,
    timeNs,
    timeMs: Number(timeNs / BigInt(nsPerMs)),
    container: reader.str(),
    pid: reader.u32(),
    exit: decodeExit(reader),
    detail: reader.str(),
  };
}

export function decodeStatus(reader: BinaryReader): KeeperStatus {
  return {
    containers: reader.u32(),
    running: reader.u32(),
    fdUsed: reader.u32(),
    fdLimit: reader.u32(),
    clients: reader.u32(),
    workers: reader.u32(),
    rssBytes: reader.u64Number(),
    uptimeMs: reader.u64Number(),
    logLinesDropped: reader.u64Number(),
    adopted: reader.u32(),
  };
}

/** Of a time in ns. */
function milliseconds(reader: BinaryReader): number {
  return Math.floor(reader.u64Number() / nsPerMs);
}

function known<T>(values: readonly T[], index: number): T {
  const value = values[index];
  if (value === undefined) throw unknownValue(index);
  return value;
}

function unknownValue(value: number): WarrenError {
  return new WarrenError(
    'corrupt',
    'MESSAGE_DAMAGED',
    `Cannot read a reply of the keeper: ${value} is not a value that it may hold`,
  );
}
