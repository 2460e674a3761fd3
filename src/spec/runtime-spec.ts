import type { LaunchInput } from './contract.js';
import type { OciSpec } from './oci.js';

/** Builds the OCI runtime spec of one launch. Throws `invalidArgument` for combinations that Warren refuses. */
export function runtimeSpec(input: LaunchInput): OciSpec {
  throw new Error(`Not available yet for ${input.record.id}`);
}
