/** Conditions on system call arguments (OCI `args`), as code that falls through when all hold. */
import { WarrenError } from '../../base/errors.js';
import type { OciSyscallArgument } from '../oci.js';
import { and, jump, loadArgument, type Instruction } from './bpf.js';

/** A jump target that is not known yet: the start of the next rule. */
type Step = Instruction | ((toFail: number) => Instruction);

interface Operand {
  readonly index: number;
  readonly high: number;
  readonly low: number;
}

const mask64 = (1n << 64n) - 1n;

/**
 * Code of one rule: `verdict` when every condition holds, else it goes on behind the rule.
 */
export function ruleCode(
  conditions: readonly OciSyscallArgument[],
  verdict: readonly Instruction[],
): Instruction[] {
  const steps: Step[] = conditions.flatMap(conditionSteps);
  const end = steps.length + verdict.length;
  const code = steps.map((step, at) => (typeof step === 'function' ? step(end - at - 1) : step));
  return [...code, ...verdict];
}

/** Rules that the field's tools take as alternatives: a list that names one argument twice. */
export function alternatives(
  conditions: readonly OciSyscallArgument[],
): (readonly OciSyscallArgument[])[] {
  const indexes = new Set(conditions.map((condition) => condition.index));
  if (indexes.size === conditions.length) return [conditions];
  return conditions.map((condition) => [condition]);
}

function conditionSteps(condition: OciSyscallArgument): Step[] {
  const { index } = condition;
  if (!Number.isInteger(index) || index < 0 || index > 5) {
    throw invalid(`argument ${index} does not exist (0 to 5)`);
  }
  const value = toUnsigned(condition.value);
  const operand = { index, ...halves(value) };
  switch (condition.op) {
    case 'SCMP_CMP_EQ':
      return equalSteps(operand);
    case 'SCMP_CMP_NE':
      return notEqualSteps(operand);
    case 'SCMP_CMP_GT':
      return aboveSteps(operand, 'greater');
    case 'SCMP_CMP_GE':
      return aboveSteps(operand, 'greaterEqual');
    case 'SCMP_CMP_LT':
      return belowSteps(operand, 'greaterEqual');
    case 'SCMP_CMP_LE':
      return belowSteps(operand, 'greater');
    case 'SCMP_CMP_MASKED_EQ':
      return maskedSteps(index, value, toUnsigned(condition.valueTwo ?? 0));
    default:
      throw invalid(`operator ${condition.op} is unknown`);
  }
}

function equalSteps({ index, high, low }: Operand): Step[] {
  return [
    loadArgument(index, 'high'),
    (toFail) => jump('equal', high, { then: 0, otherwise: toFail }),
    loadArgument(index, 'low'),
    (toFail) => jump('equal', low, { then: 0, otherwise: toFail }),
  ];
}

function notEqualSteps({ index, high, low }: Operand): Step[] {
  return [
    loadArgument(index, 'high'),
    jump('equal', high, { then: 0, otherwise: 2 }),
    loadArgument(index, 'low'),
    (toFail) => jump('equal', low, { then: toFail, otherwise: 0 }),
  ];
}

function aboveSteps(
  { index, high, low }: Operand,
  lowComparison: 'greater' | 'greaterEqual',
): Step[] {
  return [
    loadArgument(index, 'high'),
    jump('greater', high, { then: 3, otherwise: 0 }),
    (toFail) => jump('equal', high, { then: 0, otherwise: toFail }),
    loadArgument(index, 'low'),
    (toFail) => jump(lowComparison, low, { then: 0, otherwise: toFail }),
  ];
}

/** Fails where `above` would hold: with `greaterEqual` this is "less", with `greater` "less or equal". */
function belowSteps(
  { index, high, low }: Operand,
  lowComparison: 'greater' | 'greaterEqual',
): Step[] {
  return [
    loadArgument(index, 'high'),
    (toFail) => jump('greater', high, { then: toFail, otherwise: 0 }),
    jump('equal', high, { then: 0, otherwise: 2 }),
    loadArgument(index, 'low'),
    (toFail) => jump(lowComparison, low, { then: toFail, otherwise: 0 }),
  ];
}

function maskedSteps(index: number, mask: bigint, wanted: bigint): Step[] {
  const maskHalves = halves(mask);
  const wantedHalves = halves(wanted & mask);
  const half = (which: 'low' | 'high'): Step[] =>
    maskHalves[which] === 0
      ? []
      : [
          loadArgument(index, which),
          and(maskHalves[which]),
          (toFail) => jump('equal', wantedHalves[which], { then: 0, otherwise: toFail }),
        ];
  return [...half('high'), ...half('low')];
}

function halves(value: bigint): { readonly high: number; readonly low: number } {
  return { high: Number(value >> 32n), low: Number(value & 0xffff_ffffn) };
}

function toUnsigned(value: number | string): bigint {
  if (typeof value === 'number' ? Number.isSafeInteger(value) : /^-?\d+$/.test(value)) {
    return BigInt(value) & mask64;
  }
  throw invalid(`argument value ${value} is no integer`);
}

function invalid(reason: string): WarrenError {
  return new WarrenError(
    'invalidArgument',
    'SECCOMP_PROFILE',
    `Cannot use seccomp profile: ${reason}`,
  );
}
