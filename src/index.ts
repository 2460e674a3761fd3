/** The library's public surface: named exports only, listed by tests/unit/index.test.ts. */
export { isWarrenError, WarrenError } from './base/errors.js';
export type { ErrorKind, WarrenErrorOptions } from './base/errors.js';
export { Engine } from './engine/engine.js';
export type * from './engine/contract.js';
