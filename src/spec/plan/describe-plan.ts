import { BinaryReader } from '../../base/binary.js';
import { WarrenError } from '../../base/errors.js';
import { fieldReaders } from './describe-fields.js';
import {
  operations,
  planMagic,
  planPhases,
  planVersion,
  operationName,
  type OperationName,
  type PlanPhase,
} from '../../host/plan-operations.js';

/** A plan's operations, readable: for `inspect --plan` and tests. */
export interface PlanDescription {
  readonly operations: readonly OperationDescription[];
}

export interface OperationDescription {
  /** The protocol page's name: `CGROUP_MAKE`. */
  readonly operation: OperationName;
  readonly phase: PlanPhase;
  readonly flags: readonly string[];
  readonly fields: Readonly<Record<string, unknown>>;
}

/** Decodes a plan. Throws `corrupt` (PLAN_DAMAGED, MESSAGE_DAMAGED) when it is none. */
export function describePlan(plan: Uint8Array): PlanDescription {
  const reader = new BinaryReader(plan);
  if (reader.u32() !== planMagic || reader.u16() !== planVersion)
    throw damaged('it is no plan of this version');
  const count = reader.u16();
  const described: OperationDescription[] = [];
  for (let index = 0; index < count; index++) described.push(describeOperation(reader));
  reader.end();
  return { operations: described };
}

function describeOperation(reader: BinaryReader): OperationDescription {
  const type = reader.u16();
  const phase = planPhases[reader.u8()];
  const bits = reader.u8();
  const payload = new BinaryReader(reader.bytes());
  const name = operationName(type);
  if (name === undefined || phase === undefined || phase === 'request')
    throw damaged(`operation ${type} is unknown`);
  const fields = fieldReaders[name](payload);
  payload.end();
  const flags: readonly string[] = operations[name].flags;
  return {
    operation: name,
    phase,
    flags: flags.filter((_, bit) => (bits & (1 << bit)) !== 0),
    fields,
  };
}

function damaged(reason: string): WarrenError {
  return new WarrenError('corrupt', 'PLAN_DAMAGED', `Cannot read plan: ${reason}`);
}
