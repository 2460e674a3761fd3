/** The events that keepers stored in their run dir (docs/keeper-protocol.md, "Files of a run dir"). */
import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { BinaryReader } from '../../../base/binary.js';
import { errnoOf } from '../../../base/errors.js';
import type { KeeperEvent } from '../../port.js';
import { decodeEvent } from './replies.js';

const headBytes = 8;

/** What a keeper stored, oldest first; nothing when it has stored nothing. */
export function readStoredEvents(runDir: string, instance: number): readonly KeeperEvent[] {
  const path = join(runDir, `keeper-${instance}.events`);
  // The newer file first: when it becomes the old one in between, it is opened twice and read once.
  const newer = openOrNull(path);
  const older = openOrNull(`${path}.1`);
  try {
    const events = newer === null ? [] : recordsOf(readFileSync(newer));
    if (older === null || (newer !== null && fstatSync(newer).ino === fstatSync(older).ino)) {
      return events;
    }
    return [...recordsOf(readFileSync(older)), ...events];
  } finally {
    for (const fd of [newer, older]) if (fd !== null) closeSync(fd);
  }
}

/** Up to the first record that is torn: it is being written, or its keeper was killed. */
function recordsOf(file: Buffer): KeeperEvent[] {
  const events: KeeperEvent[] = [];
  let at = 0;
  while (at + headBytes <= file.length) {
    const start = at + headBytes;
    const end = start + file.readUInt32LE(at);
    if (end > file.length || checksum(file, start, end) !== file.readUInt32LE(at + 4)) break;
    const event = decodeEvent(new BinaryReader(file.subarray(start, end)));
    if (event !== undefined) events.push(event);
    at = end;
  }
  return events;
}

/** FNV-1a, as the keeper makes it. */
function checksum(data: Buffer, start: number, end: number): number {
  let value = 2_166_136_261;
  for (let at = start; at < end; at++) {
    value = Math.imul(value ^ data.readUInt8(at), 16_777_619);
  }
  return value >>> 0;
}

function openOrNull(path: string): number | null {
  try {
    return openSync(path, 'r');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return null;
    throw error;
  }
}
