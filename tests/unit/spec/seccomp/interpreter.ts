/** An interpreter of classic BPF over struct seccomp_data, as net/core/filter.c defines the instructions. */

export interface Call {
  /** AUDIT_ARCH_* */
  readonly architecture: number;
  readonly number: number;
  readonly args?: readonly bigint[];
}

export interface Verdict {
  /** Return value without its data. */
  readonly action: 'allow' | 'errno' | 'kill-process' | 'kill-thread' | 'log' | 'trap' | 'trace';
  readonly data: number;
}

export const auditArchitecture = {
  x86_64: 0xc000003e,
  i386: 0x40000003,
  aarch64: 0xc00000b7,
  arm: 0x40000028,
} as const;

const actions: ReadonlyMap<number, Verdict['action']> = new Map([
  [0x7fff0000, 'allow'],
  [0x7ffc0000, 'log'],
  [0x7ff00000, 'trace'],
  [0x00050000, 'errno'],
  [0x00030000, 'trap'],
  [0x80000000, 'kill-process'],
  [0x00000000, 'kill-thread'],
]);

export function seccompData({ architecture, number, args = [] }: Call): Buffer {
  const data = Buffer.alloc(64);
  data.writeUInt32LE(number >>> 0, 0);
  data.writeUInt32LE(architecture, 4);
  args.forEach((value, index) => data.writeBigUInt64LE(BigInt.asUintN(64, value), 16 + index * 8));
  return data;
}

/** Runs the program; throws where the kernel would refuse it. */
export function evaluate(program: Uint8Array, call: Call): Verdict {
  const code = Buffer.from(program);
  const data = seccompData(call);
  let accumulator = 0;
  for (let at = 0; at < code.length / 8; at++) {
    const k = code.readUInt32LE(at * 8 + 4);
    const then = code.readUInt8(at * 8 + 2);
    const otherwise = code.readUInt8(at * 8 + 3);
    const step = (met: boolean): number => (met ? then : otherwise);
    switch (code.readUInt16LE(at * 8)) {
      case 0x20:
        accumulator = data.readUInt32LE(k);
        break;
      case 0x54:
        accumulator = (accumulator & k) >>> 0;
        break;
      case 0x05:
        at += k;
        break;
      case 0x15:
        at += step(accumulator === k);
        break;
      case 0x25:
        at += step(accumulator > k);
        break;
      case 0x35:
        at += step(accumulator >= k);
        break;
      case 0x06:
        return verdict(k);
      default:
        throw new Error(`unknown instruction at ${at}`);
    }
  }
  throw new Error('the program does not end in a return');
}

function verdict(value: number): Verdict {
  const action = actions.get((value & 0xffff0000) >>> 0);
  if (action === undefined) throw new Error(`unknown action ${value}`);
  return { action, data: value & 0xffff };
}
