import { expect } from 'vitest';
import type { ContainerConfig } from '../../../../src/model/container-config.js';
import type { LaunchInput } from '../../../../src/spec/contract.js';
import { compileLaunch } from '../../../../src/spec/plan/compile-launch.js';
import {
  describePlan,
  type OperationDescription,
} from '../../../../src/spec/plan/describe-plan.js';
import type { OperationName } from '../../../../src/host/plan-operations.js';
import { runtimeSpec } from '../../../../src/spec/runtime-spec.js';
import { launchInput } from '../fixture.js';

/** The plan of a config, readable. */
export function operations(
  config: Partial<ContainerConfig> = {},
  changes: Partial<LaunchInput> = {},
): readonly OperationDescription[] {
  const input = launchInput(config, changes);
  return describePlan(compileLaunch(runtimeSpec(input), input).plan).operations;
}

export function named(
  name: OperationName,
  list: readonly OperationDescription[],
): OperationDescription[] {
  return list.filter(({ operation }) => operation === name);
}

export function one(
  name: OperationName,
  list: readonly OperationDescription[],
): OperationDescription {
  const found = named(name, list);
  expect(found, name).toHaveLength(1);
  return found[0] as OperationDescription;
}

export function order(list: readonly OperationDescription[]): OperationName[] {
  return list.map(({ operation }) => operation);
}
