import { BinaryWriter } from '../../base/binary.js';
import { WarrenError } from '../../base/errors.js';
import {
  operations,
  planMagic,
  planMaximumBytes,
  planMaximumOperations,
  planVersion,
  type OperationName,
} from '../../host/plan-operations.js';

const countOffset = 6;
const headerSize = 8;

/** Writes operations in the order in which they are begun; phases must not go back. */
export class PlanWriter {
  readonly #out = new BinaryWriter(16_384);
  #count = 0;
  #sizeAt = 0;

  constructor() {
    this.reset();
  }

  reset(): void {
    this.#out.reset();
    this.#count = 0;
    this.#sizeAt = 0;
    this.#out.u32(planMagic).u16(planVersion).u16(0);
  }

  /** Begins an operation and gives the writer of its payload. */
  op(name: OperationName, flags: number = 0): BinaryWriter {
    return this.opIn(operations[name].phase, name, flags);
  }

  /** The same in a phase of one's own: NETLINK has a place in two. */
  opIn(phase: number, name: OperationName, flags: number): BinaryWriter {
    this.#closeOperation();
    const { type } = operations[name];
    this.#out.u16(type).u8(phase).u8(flags);
    this.#sizeAt = this.#out.length;
    this.#count++;
    return this.#out.u32(0);
  }

  /** Operations encoded before. */
  append(encoded: EncodedOperations): void {
    this.#closeOperation();
    this.#out.raw(encoded.bytes);
    this.#count += encoded.count;
  }

  /** The operations written so far, for `append` of another plan. */
  encoded(): EncodedOperations {
    this.#closeOperation();
    return { bytes: this.#out.toBytes().subarray(headerSize), count: this.#count };
  }

  /** Throws `exhausted` (PLAN_TOO_LARGE). */
  finish(): Buffer {
    this.#closeOperation();
    if (this.#count > planMaximumOperations || this.#out.length > planMaximumBytes) {
      throw new WarrenError(
        'exhausted',
        'PLAN_TOO_LARGE',
        `Cannot compile container: its plan has ${this.#count} operations and ${this.#out.length} bytes, the most is ${planMaximumOperations} and ${planMaximumBytes}`,
        { hint: 'Use fewer mounts, or a shorter environment and command line.' },
      );
    }
    this.#out.patch16(countOffset, this.#count);
    return this.#out.toBytes();
  }

  #closeOperation(): void {
    if (this.#sizeAt === 0) return;
    this.#out.patch32(this.#sizeAt, this.#out.length - this.#sizeAt - 4);
    this.#sizeAt = 0;
  }
}

/** Operations that are the same in many plans. */
export interface EncodedOperations {
  readonly bytes: Uint8Array;
  readonly count: number;
}
