import type { DeviceRule } from '../../model/resources.js';

/**
 * The device filter of cgroup v2: a BPF_PROG_TYPE_CGROUP_DEVICE program, run by the kernel when a
 * process of the group opens or makes a device node. Its argument is
 * `struct bpf_cgroup_dev_ctx { u32 access_type, major, minor }` (linux/bpf.h), with the type in the
 * lower half of `access_type` and what is asked for in the upper; it returns 1 to allow.
 */

/** BPF_DEVCG_ACC_*. */
const accessBits: Readonly<Record<string, number>> = { m: 1, r: 2, w: 4 };
/** BPF_DEVCG_DEV_*. */
const typeValues = { b: 1, c: 2 } as const;

/** Opcodes: class, size or source, operation (linux/bpf_common.h). */
const op = {
  loadWord: 0x61, // LDX | MEM | W
  moveImmediate: 0xb4, // ALU | MOV | K, 32 bits
  moveRegister: 0xbc, // ALU | MOV | X
  andImmediate: 0x54, // ALU | AND | K
  shiftRight: 0x74, // ALU | RSH | K
  jumpIfEqual: 0x16, // JMP32 | JEQ | K
  jumpIfNotEqual: 0x56, // JMP32 | JNE | K
  exit: 0x95,
} as const;

/** Registers: the result, the argument, and what the argument says. */
const register = { result: 0, argument: 1, type: 2, access: 3, major: 4, minor: 5, scratch: 6 };

interface Instruction {
  readonly code: number;
  readonly destination?: number;
  readonly source?: number;
  readonly offset?: number;
  readonly immediate?: number;
}

const instructionBytes = 8;

function encode(instructions: readonly Instruction[]): Uint8Array {
  const bytes = new DataView(new ArrayBuffer(instructions.length * instructionBytes));
  for (const [index, instruction] of instructions.entries()) {
    const at = index * instructionBytes;
    const { code, destination = 0, source = 0, offset = 0, immediate = 0 } = instruction;
    bytes.setUint8(at, code);
    bytes.setUint8(at + 1, (source << 4) | destination);
    bytes.setInt16(at + 2, offset, true);
    bytes.setInt32(at + 4, immediate, true);
  }
  return new Uint8Array(bytes.buffer);
}

const prologue: readonly Instruction[] = [
  { code: op.loadWord, destination: register.type, source: register.argument, offset: 0 },
  { code: op.moveRegister, destination: register.access, source: register.type },
  { code: op.andImmediate, destination: register.type, immediate: 0xffff },
  { code: op.shiftRight, destination: register.access, immediate: 16 },
  { code: op.loadWord, destination: register.major, source: register.argument, offset: 4 },
  { code: op.loadWord, destination: register.minor, source: register.argument, offset: 8 },
];

function answer(allow: boolean): Instruction[] {
  return [
    { code: op.moveImmediate, destination: register.result, immediate: allow ? 1 : 0 },
    { code: op.exit },
  ];
}

function accessMask(permissions: string): number {
  return [...permissions].reduce((mask, letter) => mask | (accessBits[letter] ?? 0), 0);
}

/**
 * What a rule does to a device that it is about. `access` holds what is asked for and not yet allowed:
 * an allowing rule takes its part away, and the rest must be allowed by an earlier rule.
 */
function verdict(rule: DeviceRule): Instruction[] {
  const mask = accessMask(rule.permissions);
  if (rule.allow) {
    return [
      { code: op.andImmediate, destination: register.access, immediate: ~mask },
      { code: op.jumpIfNotEqual, destination: register.access, immediate: 0, offset: 2 },
      ...answer(true),
    ];
  }
  return [
    { code: op.moveRegister, destination: register.scratch, source: register.access },
    { code: op.andImmediate, destination: register.scratch, immediate: mask },
    { code: op.jumpIfEqual, destination: register.scratch, immediate: 0, offset: 2 },
    ...answer(false),
  ];
}

function compileRule(rule: DeviceRule): Instruction[] {
  const conditions: [number, number][] = [];
  if (rule.type !== 'a') conditions.push([register.type, typeValues[rule.type]]);
  if (rule.major !== -1) conditions.push([register.major, rule.major]);
  if (rule.minor !== -1) conditions.push([register.minor, rule.minor]);
  const body = verdict(rule);
  const tests = conditions.map(([destination, immediate], index): Instruction => ({
    code: op.jumpIfNotEqual,
    destination,
    immediate,
    offset: conditions.length - index - 1 + body.length,
  }));
  return [...tests, ...body];
}

/** Whether rules before this one no longer matter. */
function decidesEverything(rule: DeviceRule): boolean {
  return (
    rule.type === 'a' &&
    rule.major === -1 &&
    rule.minor === -1 &&
    accessMask(rule.permissions) === 7
  );
}

/**
 * Compiles rules: nothing is allowed but what they allow, and for each kind of access to a device the
 * last rule about it wins. The result is an array of `struct bpf_insn` in little-endian order.
 */
export function compileDeviceProgram(rules: readonly DeviceRule[]): Uint8Array {
  const instructions = [...prologue];
  for (const rule of [...rules].reverse()) {
    if (decidesEverything(rule)) {
      return encode([...instructions, ...answer(rule.allow)]);
    }
    instructions.push(...compileRule(rule));
  }
  return encode([...instructions, ...answer(false)]);
}
