import { WarrenError } from '../../base/errors.js';

const namePattern = /^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/;
const maximumNameLength = 128;

function requireName(kind: 'container' | 'volume', name: string): void {
  if (namePattern.test(name) && name.length <= maximumNameLength) return;
  throw new WarrenError(
    'invalidArgument',
    'INVALID_NAME',
    `Invalid ${kind} name (${name}): only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed, 2 to ${maximumNameLength} characters`,
    { details: { name } },
  );
}

/** @throws WarrenError invalidArgument (INVALID_NAME) */
export function requireContainerName(name: string): void {
  requireName('container', name);
}

/** @throws WarrenError invalidArgument (INVALID_NAME) */
export function requireVolumeName(name: string): void {
  requireName('volume', name);
}
