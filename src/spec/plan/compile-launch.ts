import type { CompiledLaunch, LaunchInput } from '../contract.js';
import type { OciSpec } from '../oci.js';

/** Compiles a launch: the plan's operations in their order, and the supervise section. */
export function compileLaunch(spec: OciSpec, input: LaunchInput): CompiledLaunch {
  throw new Error(`Not available yet for ${spec.hostname} ${input.record.id}`);
}
