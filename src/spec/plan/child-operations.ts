/** Phase 3: what the child does to itself, up to the execution of the program. */
import { WarrenError } from '../../base/errors.js';
import { defaultPath } from '../../model/defaults.js';
import { capabilityMask } from '../capabilities.js';
import type {
  OciCapabilities,
  OciMount,
  OciProcess,
  OciRlimit,
  OciSeccomp,
  OciSpec,
} from '../oci.js';
import { compileSeccomp } from '../seccomp/compile-seccomp.js';
import { parseMountOptions } from './mount-options.js';
import { createKinds } from '../../host/plan-operations.js';
import type { PlanWriter } from './plan-writer.js';

/** RLIMIT_* of asm-generic/resource.h, by number. */
const rlimitNames: readonly string[] = [
  'RLIMIT_CPU',
  'RLIMIT_FSIZE',
  'RLIMIT_DATA',
  'RLIMIT_STACK',
  'RLIMIT_CORE',
  'RLIMIT_RSS',
  'RLIMIT_NPROC',
  'RLIMIT_NOFILE',
  'RLIMIT_MEMLOCK',
  'RLIMIT_AS',
  'RLIMIT_LOCKS',
  'RLIMIT_SIGPENDING',
  'RLIMIT_MSGQUEUE',
  'RLIMIT_NICE',
  'RLIMIT_RTPRIO',
  'RLIMIT_RTTIME',
];

const unlimited = 0xffff_ffff_ffff_ffffn;
const initFlag = 1;
const createFlag = 1;

export function writeMount(plan: PlanWriter, mount: OciMount): void {
  const { attributes, data } = parseMountOptions(mount.options);
  const options = data.filter(([key]) => key !== 'newinstance' && key !== 'relatime');
  const payload = plan
    .op('MOUNT')
    .str(mount.type)
    .str(mount.source)
    .str(mount.destination)
    .u64(attributes)
    .u8(createKinds.directory)
    .u32(options.length);
  for (const [key, value] of options) payload.str(key).str(value);
}

/** What needs no file of the container's: first in the phase, so that it is done while the root is made. */
export function writeNames(plan: PlanWriter, spec: OciSpec): void {
  const makes = (type: string): boolean =>
    spec.linux.namespaces.some((entry) => entry.type === type && entry.path === undefined);
  if (makes('uts'))
    plan
      .op('HOSTNAME')
      .str(spec.hostname)
      .str(spec.domainname ?? '');
  if (makes('network')) plan.op('LOOPBACK_UP');
}

/** Everything of the machine around the process: keyring, sysctls, hidden paths, working directory. */
export function writeSurroundings(plan: PlanWriter, spec: OciSpec): void {
  const { linux } = spec;
  plan.op('KEYRING');
  for (const [name, value] of Object.entries(linux.sysctl)) plan.op('SYSCTL').str(name).str(value);
  for (const path of linux.maskedPaths) plan.op('MASK').str(path);
  for (const path of linux.readonlyPaths) plan.op('READONLY').str(path);
  // After the masks: a working directory below one would stay on the mount that they cover.
  plan.op('WORKDIR', createFlag).str(spec.process.cwd);
  if (spec.root.readonly) plan.op('ROOT_READONLY');
}

/** What the process becomes: limits, environment, ids, capabilities, filter. */
export function writeIdentity(plan: PlanWriter, process: OciProcess, filter: SeccompChoice): void {
  for (const limit of process.rlimits) writeRlimit(plan, limit);
  plan.op('ENVIRONMENT').strings(process.env);
  const { user } = process;
  const payload = plan
    .op('CREDENTIALS')
    .u32(user.uid)
    .u32(user.gid)
    .u32(user.additionalGids.length);
  for (const gid of user.additionalGids) payload.u32(gid);
  payload.u32(user.umask);
  // Without no-new-privileges a filter needs CAP_SYS_ADMIN, which the capabilities take away.
  if (!process.noNewPrivileges) writeSeccomp(plan, filter);
  writeCapabilities(plan, process.capabilities);
  if (!process.noNewPrivileges) return;
  plan.op('NO_NEW_PRIVILEGES');
  writeSeccomp(plan, filter);
}

/** The profile of a container and for which machine. */
export interface SeccompChoice {
  readonly profile: OciSeccomp | undefined;
  readonly architecture: 'x64' | 'arm64';
}

export function writeExec(plan: PlanWriter, process: OciProcess, init: boolean): void {
  if (init) {
    plan
      .op('EXEC', initFlag)
      .u32(0)
      .strings(['warren-init', '--', ...process.args]);
    return;
  }
  plan.op('EXEC').strings(executionCandidates(process)).strings(process.args);
}

/** Where execvp would look. */
export function executionCandidates({ args, env }: Pick<OciProcess, 'args' | 'env'>): string[] {
  const name = args[0] ?? '';
  if (name === '')
    throw new WarrenError(
      'invalidArgument',
      'NO_COMMAND',
      'Cannot execute a command: its name is empty',
    );
  if (name.includes('/')) return [name];
  const path = env.findLast((entry) => entry.startsWith('PATH=')) ?? defaultPath;
  const directories = path
    .slice('PATH='.length)
    .split(':')
    .map((directory) => (directory === '' ? '.' : directory));
  return [...new Set(directories)].map((directory) => `${directory.replace(/\/+$/, '')}/${name}`);
}

function writeSeccomp(plan: PlanWriter, { profile, architecture }: SeccompChoice): void {
  if (profile === undefined) return;
  const { flags, program } = compileSeccomp(profile, architecture);
  plan.op('SECCOMP').u32(flags).bytes(program);
}

function writeCapabilities(plan: PlanWriter, capabilities: OciCapabilities): void {
  plan
    .op('CAPABILITIES')
    .u64(maskOf(capabilities.bounding))
    .u64(maskOf(capabilities.effective))
    .u64(maskOf(capabilities.permitted))
    .u64(maskOf(capabilities.inheritable))
    .u64(maskOf(capabilities.ambient));
}

const masks = new WeakMap<readonly string[], bigint>();

/** The lists are shared by thousands of specs. */
function maskOf(names: readonly string[]): bigint {
  const known = masks.get(names);
  if (known !== undefined) return known;
  const mask = capabilityMask(names);
  masks.set(names, mask);
  return mask;
}

function writeRlimit(plan: PlanWriter, { type, soft, hard }: OciRlimit): void {
  const resource = rlimitNames.indexOf(type);
  if (resource < 0) {
    throw new WarrenError(
      'invalidArgument',
      'UNKNOWN_ULIMIT',
      `Cannot set ulimit ${type.slice(7).toLowerCase()}: there is none of that name`,
    );
  }
  plan.op('RLIMIT').u32(resource).u64(limitValue(soft)).u64(limitValue(hard));
}

function limitValue(value: number): number | bigint {
  return value < 0 ? unlimited : value;
}
