import type { CompiledLaunch, LaunchInput } from '../contract.js';
import type { OciSpec } from '../oci.js';
import {
  writeExec,
  writeIdentity,
  writeMount,
  writeNames,
  writeSurroundings,
} from './child-operations.js';
import {
  isBind,
  writeBind,
  writeCgroupRemovals,
  writeCgroups,
  writeNetlinkBatches,
  writeNamespaces,
  writeRoot,
} from './host-operations.js';
import { PlanWriter } from './plan-writer.js';
import { compileSupervise } from './supervise.js';

const plan = new PlanWriter();

/** Compiles a launch: the plan's operations in their order, and the supervise section. */
export function compileLaunch(spec: OciSpec, input: LaunchInput): CompiledLaunch {
  plan.reset();
  writeCgroups(plan, input.cgroups);
  writeNamespaces(plan, spec);
  writeRoot(plan, input);
  for (const mount of spec.mounts) if (isBind(mount)) writeBind(plan, mount, { spec, input });
  if (spec.process.oomScoreAdj !== undefined) plan.op('OOM_SCORE').i32(spec.process.oomScoreAdj);
  writeNetlinkBatches(plan, 'host-after', input.netlink.launch);
  writeNames(plan, spec);
  for (const mount of spec.mounts) if (!isBind(mount)) writeMount(plan, mount);
  writeSurroundings(plan, spec);
  writeIdentity(plan, spec.process, {
    profile: spec.linux.seccomp,
    architecture: input.facts.architecture,
  });
  writeExec(plan, spec.process, input.record.spec.init);
  writeNetlinkBatches(plan, 'cleanup', input.netlink.cleanup);
  writeCgroupRemovals(plan, input.cgroups);
  return { plan: plan.finish(), supervise: compileSupervise(input) };
}
