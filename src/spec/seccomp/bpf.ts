/**
 * Classic BPF for seccomp: struct sock_filter { u16 code; u8 jt; u8 jf; u32 k } over struct seccomp_data
 * (linux/filter.h, linux/seccomp.h). Blocks end in a `return`, so that code never falls out of one.
 */
export interface Instruction {
  readonly code: number;
  readonly jt: number;
  readonly jf: number;
  readonly k: number;
}

export type Block = readonly Instruction[];

const opcodes = {
  loadWord: 0x20,
  jumpAlways: 0x05,
  jumpEqual: 0x15,
  jumpGreater: 0x25,
  jumpGreaterEqual: 0x35,
  and: 0x54,
  return: 0x06,
} as const;

/** Offsets in struct seccomp_data. */
const numberOffset = 0;
const architectureOffset = 4;
const argumentsOffset = 16;

const farthestJump = 255;

export const loadNumber: Instruction = statement(opcodes.loadWord, numberOffset);
export const loadArchitecture: Instruction = statement(opcodes.loadWord, architectureOffset);

/** Half of an argument: `low` or `high` 32 bits (both architectures are little-endian). */
export function loadArgument(index: number, half: 'low' | 'high'): Instruction {
  return statement(opcodes.loadWord, argumentsOffset + index * 8 + (half === 'high' ? 4 : 0));
}

export function and(mask: number): Instruction {
  return statement(opcodes.and, mask);
}

export function returns(action: number): Block {
  return [statement(opcodes.return, action)];
}

export type Comparison = 'equal' | 'greater' | 'greaterEqual';

const comparisons: Readonly<Record<Comparison, number>> = {
  equal: opcodes.jumpEqual,
  greater: opcodes.jumpGreater,
  greaterEqual: opcodes.jumpGreaterEqual,
};

/** A jump by offsets counted from the next instruction. */
export function jump(
  comparison: Comparison,
  k: number,
  offsets: { readonly then: number; readonly otherwise: number },
): Instruction {
  return { code: comparisons[comparison], jt: offsets.then, jf: offsets.otherwise, k: k >>> 0 };
}

/** `then` when the accumulator compares, else `otherwise`; either may be longer than a conditional jump reaches. */
export function branch(
  comparison: Comparison,
  k: number,
  blocks: { readonly then: Block; readonly otherwise: Block },
): Block {
  const { then, otherwise } = blocks;
  if (otherwise.length <= farthestJump) {
    return [jump(comparison, k, { then: otherwise.length, otherwise: 0 }), ...otherwise, ...then];
  }
  return [
    jump(comparison, k, { then: 0, otherwise: 1 }),
    statement(opcodes.jumpAlways, otherwise.length),
    ...otherwise,
    ...then,
  ];
}

/** The bytes that the kernel takes. */
export function assemble(block: Block): Buffer {
  const bytes = Buffer.alloc(block.length * 8);
  block.forEach(({ code, jt, jf, k }, index) => {
    bytes.writeUInt16LE(code, index * 8);
    bytes[index * 8 + 2] = jt;
    bytes[index * 8 + 3] = jf;
    bytes.writeUInt32LE(k, index * 8 + 4);
  });
  return bytes;
}

function statement(code: number, k: number): Instruction {
  return { code, jt: 0, jf: 0, k: k >>> 0 };
}
