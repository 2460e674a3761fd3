import type { ExecSpec, LaunchInput } from '../contract.js';
import type { OciSpec } from '../oci.js';

/** What an exec needs of a launch's input. */
export type ExecInput = Pick<LaunchInput, 'record' | 'cgroups' | 'facts'>;

/** Compiles the plan of a process in a running container. `spec` is the container's. */
export function compileExec(spec: OciSpec, input: ExecInput, exec: ExecSpec): Uint8Array {
  throw new Error(`Not available yet for ${spec.hostname} ${input.record.id} ${exec.argv.join(' ')}`);
}
