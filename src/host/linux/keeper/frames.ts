import type { BinaryWriter } from '../../../base/binary.js';
import { BinaryReader } from '../../../base/binary.js';
import { WarrenError } from '../../../base/errors.js';
import { frameHeaderSize, frameMaximum } from '../protocol.js';

export interface Frame {
  readonly type: number;
  readonly request: number;
  readonly payload: BinaryReader;
}

export type WritePayload = (writer: BinaryWriter) => void;

/** Appends one frame. Throws `exhausted` (FRAME_TOO_LARGE) and leaves the writer as it was. */
export function writeFrame(
  out: BinaryWriter,
  header: { readonly type: number; readonly request: number },
  payload?: WritePayload,
): void {
  const start = out.length;
  out.u32(0).u16(header.type).u16(0).u64(header.request);
  try {
    payload?.(out);
  } catch (error) {
    out.truncate(start);
    throw error;
  }
  const size = out.length - start;
  if (size > frameMaximum) {
    out.truncate(start);
    throw new WarrenError(
      'exhausted',
      'FRAME_TOO_LARGE',
      `Cannot send a request of ${size} bytes to the keeper: the most is ${frameMaximum}`,
    );
  }
  out.patch32(start, size);
}

/** Cuts a stream of bytes into frames. Payloads are views, valid while the chunk is. */
export class FrameParser {
  #rest: Buffer = Buffer.alloc(0);
  readonly #onFrame: (frame: Frame) => void;

  constructor(onFrame: (frame: Frame) => void) {
    this.#onFrame = onFrame;
  }

  /** Throws `corrupt` for a frame that cannot be one. */
  push(chunk: Buffer): void {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    let at = 0;
    while (bytes.length - at >= frameHeaderSize) {
      const size = bytes.readUInt32LE(at);
      if (size < frameHeaderSize || size > frameMaximum) {
        throw new WarrenError(
          'corrupt',
          'MESSAGE_DAMAGED',
          `Cannot read from the keeper: a frame of ${size} bytes`,
        );
      }
      if (bytes.length - at < size) break;
      const header = new BinaryReader(bytes.subarray(at + 4, at + frameHeaderSize));
      const type = header.u16();
      header.u16();
      const request = header.u64Number();
      const payload = new BinaryReader(bytes.subarray(at + frameHeaderSize, at + size));
      at += size;
      this.#onFrame({ type, request, payload });
    }
    this.#rest = at === bytes.length ? empty : Buffer.from(bytes.subarray(at));
  }
}

const empty = Buffer.alloc(0);
