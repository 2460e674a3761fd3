import type { ContainerSpec } from '../container-config.js';
import type { Check } from './check.js';
import { lifecycleChecks } from './lifecycle.js';
import { mountChecks } from './mounts.js';
import { namespaceChecks } from './namespaces.js';
import { networkChecks } from './network.js';
import { portChecks } from './ports.js';
import { processChecks } from './process.js';
import { resourceChecks } from './resources.js';

const checks: readonly Check[] = [
  ...processChecks,
  ...mountChecks,
  ...resourceChecks,
  ...namespaceChecks,
  ...networkChecks,
  ...portChecks,
  ...lifecycleChecks,
];

/** @throws WarrenError invalidArgument (INVALID_CONFIG) of the first rule that is broken */
export function validateSpec(spec: ContainerSpec): void {
  for (const check of checks) check(spec);
}
