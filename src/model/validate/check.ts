import { WarrenError } from '../../base/errors.js';
import type { ContainerSpec } from '../container-config.js';

/** One rule about one field; throws by `refuse`. */
export type Check = (spec: ContainerSpec) => void;

/**
 * @param field as the user knows it: `resources.memoryBytes`
 * @param rule what is wrong: `must be at least 512 KiB, not 4096`
 */
export function refuse(field: string, rule: string, hint?: string): never {
  throw new WarrenError('invalidArgument', 'INVALID_CONFIG', `Invalid ${field}: ${rule}`, {
    details: { field },
    ...(hint === undefined ? {} : { hint }),
  });
}

export function requireText(field: string, value: string): void {
  if (typeof value !== 'string') refuse(field, 'must be text');
  if (value.includes('\0')) refuse(field, 'must not contain a NUL byte');
}

export interface NumberRange {
  readonly minimum: number;
  readonly maximum?: number;
  /** Allowed besides: "no limit". */
  readonly or?: number;
}

/** A whole number in the range, when it is given at all. */
export function requireInteger(field: string, value: number | undefined, range: NumberRange): void {
  if (value === undefined || value === range.or) return;
  if (!Number.isSafeInteger(value)) refuse(field, `must be a whole number, not ${String(value)}`);
  const maximum = range.maximum ?? Number.MAX_SAFE_INTEGER;
  if (value >= range.minimum && value <= maximum) return;
  const bounds =
    range.maximum === undefined
      ? `at least ${range.minimum}`
      : `from ${range.minimum} to ${range.maximum}`;
  refuse(
    field,
    `must be ${bounds}${range.or === undefined ? '' : ` or ${range.or}`}, not ${value}`,
  );
}
