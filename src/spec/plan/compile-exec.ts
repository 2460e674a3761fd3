import type { CgroupPlan, ExecSpec, LaunchInput } from '../contract.js';
import type { OciProcess, OciSpec } from '../oci.js';
import { boundingSet, environment, processCapabilities } from '../process-spec.js';
import { writeExec, writeIdentity } from './child-operations.js';
import { writeCgroupJoins } from './host-operations.js';
import { PlanWriter } from './plan-writer.js';

/** What an exec needs of a launch's input. */
export interface ExecInput extends Pick<LaunchInput, 'record' | 'facts'> {
  readonly cgroups: Pick<CgroupPlan, 'join'>;
}

const plan = new PlanWriter();
const allNamespaces = 0;

/** Compiles the plan of a process in a running container. `spec` is the container's; `exec.env` is added to its environment. */
export function compileExec(spec: OciSpec, input: ExecInput, exec: ExecSpec): Uint8Array {
  const process = execProcess(spec, input, exec);
  plan.reset();
  writeCgroupJoins(plan, input.cgroups.join);
  plan.op('NAMESPACES').u64(allNamespaces);
  if (process.oomScoreAdj !== undefined) plan.op('OOM_SCORE').i32(process.oomScoreAdj);
  plan.op('WORKDIR').str(process.cwd);
  writeIdentity(plan, process, {
    profile: spec.linux.seccomp,
    architecture: input.facts.architecture,
  });
  writeExec(plan, process, false);
  return plan.finish();
}

function execProcess(spec: OciSpec, input: ExecInput, exec: ExecSpec): OciProcess {
  const { user } = exec;
  return {
    ...spec.process,
    terminal: exec.tty,
    user: { ...spec.process.user, uid: user.uid, gid: user.gid, additionalGids: user.groups },
    args: exec.argv,
    env: environment(input.record, user, { tty: exec.tty, extra: exec.env }),
    cwd: exec.workingDir === '' ? spec.process.cwd : exec.workingDir,
    capabilities: processCapabilities(boundingSet(input), {
      uid: user.uid,
      ambient: exec.privileged,
    }),
  };
}
