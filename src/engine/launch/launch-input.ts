import { join } from 'node:path';
import type { ContainerRecord } from '../../model/container.js';
import type { ExecSpec, LaunchInput } from '../../spec/contract.js';
import { compileExec } from '../../spec/plan/compile-exec.js';
import { compileLaunch } from '../../spec/plan/compile-launch.js';
import { runtimeSpec } from '../../spec/runtime-spec.js';
import type { CgroupRequest } from '../../cgroup/driver.js';
import { withMountPoints } from '../../storage/mount-points.js';
import type { EngineContext } from '../context.js';
import { deviceNodes, deviceRules } from './device-nodes.js';

/** Paths of a container below the data root (storage/driver.ts). */
export function containerPath(id: string, name: string): string {
  return `containers/${id}/${name}`;
}

export function logPathOf(context: EngineContext, id: string): string {
  return join(context.settings.dataRoot, containerPath(id, 'log/output.log'));
}

/** The cgroup side of a container, as its record says. */
export function cgroupRequest(record: ContainerRecord): CgroupRequest {
  const { spec } = record;
  const owner =
    spec.privileged && record.ids !== null ? { uid: record.ids.base, gid: record.ids.base } : null;
  return {
    path: record.cgroupPath,
    resources: spec.resources,
    devices: deviceRules(spec, deviceNodes(spec)),
    owner,
  };
}

/** Files of /etc come from the container whose network namespace is joined, as in Docker. */
function etcFiles(record: ContainerRecord): LaunchInput['etcFiles'] {
  const { network } = record.spec;
  const owner = network.startsWith('container:') ? network.slice('container:'.length) : record.id;
  return ['hosts', 'hostname', 'resolv.conf'].map((name) => ({
    source: containerPath(owner, name),
    target: `/etc/${name}`,
  }));
}

function baseInput(
  context: EngineContext,
  record: ContainerRecord,
  cgroups: LaunchInput['cgroups'],
): LaunchInput {
  const { spec } = record;
  const { facts, settings } = context;
  return {
    record,
    layers: withMountPoints(record.layers),
    generation: record.run?.generation ?? 1,
    user: context.users.resolve(record, { user: spec.user, groupAdd: spec.groupAdd }),
    cgroups,
    dataRoot: settings.dataRoot,
    writableLayer:
      spec.volatileSizeBytes > 0
        ? null
        : { upper: containerPath(record.id, 'upper'), work: containerPath(record.id, 'work') },
    devices: deviceNodes(spec),
    etcFiles: etcFiles(record),
    logPath: spec.log.driver === 'none' ? '' : logPathOf(context, record.id),
    facts: {
      version: facts.version,
      lastCapability: facts.lastCapability,
      architecture: facts.architecture,
      cgroupVersion: context.cgroups.version,
    },
    overlayStrategy: settings.overlayStrategy,
    healthPlan: null,
  };
}

function healthExec(input: LaunchInput): ExecSpec | null {
  const { health, env, workingDir } = input.record.spec;
  if (health === null) return null;
  return {
    argv: health.shell ? ['/bin/sh', '-c', ...health.test] : health.test,
    env,
    workingDir,
    user: input.user,
    tty: false,
    privileged: false,
  };
}

export interface CompiledContainer {
  readonly input: LaunchInput;
  readonly plan: Uint8Array;
  readonly supervise: Uint8Array;
}

/**
 * Everything the keeper needs to launch a container.
 * @param watched somebody waits for its end and does what follows: no reconcile process
 */
export function compileContainer(
  context: EngineContext,
  record: ContainerRecord,
  watched = false,
): CompiledContainer {
  const base = {
    ...baseInput(context, record, context.cgroups.setup(cgroupRequest(record))),
    engineOnExit: record.spec.autoRemove && !watched,
  };
  const oci = runtimeSpec(base);
  const health = healthExec(base);
  const input = health === null ? base : { ...base, healthPlan: compileExec(oci, base, health) };
  return { input, ...compileLaunch(oci, input) };
}

/** The plan of a process in a running container. */
export function compileProcess(
  context: EngineContext,
  record: ContainerRecord,
  exec: ExecSpec,
): Uint8Array {
  const input = baseInput(context, record, {
    make: [],
    remove: [],
    writes: [],
    join: context.cgroups.joins(record.cgroupPath),
    deviceProgram: null,
  });
  return compileExec(runtimeSpec(input), input, exec);
}
