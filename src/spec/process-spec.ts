/** The process section: command line, environment, credentials, capabilities, limits. */
import { WarrenError } from '../base/errors.js';
import type { ContainerSpec } from '../model/container-config.js';
import type { ContainerRecord } from '../model/container.js';
import { defaultPath } from '../model/defaults.js';
import type { Ulimit } from '../model/resources.js';
import { capabilitySet, namesOfCapabilities } from './capabilities.js';
import type { LaunchInput, ResolvedUser } from './contract.js';
import type { OciCapabilities, OciProcess, OciRlimit } from './oci.js';

const umask = 0o022;

export function processSpec(input: LaunchInput): OciProcess {
  const { spec } = input.record;
  const args = [...spec.entrypoint, ...spec.command];
  if (args.length === 0 || args[0] === '') {
    throw new WarrenError(
      'invalidArgument',
      'NO_COMMAND',
      `Cannot start container ${input.record.name}: no command specified`,
      {
        hint: 'Give a command, or use an image that has one.',
      },
    );
  }
  return {
    terminal: spec.tty,
    user: { uid: input.user.uid, gid: input.user.gid, umask, additionalGids: input.user.groups },
    args,
    env: environment(input.record, input.user),
    cwd: spec.workingDir === '' ? '/' : spec.workingDir,
    capabilities: processCapabilities(boundingSet(input), { uid: input.user.uid, ambient: false }),
    rlimits: spec.ulimits.map(rlimit),
    noNewPrivileges: noNewPrivileges(spec),
    ...(spec.oomScoreAdj === 0 ? {} : { oomScoreAdj: spec.oomScoreAdj }),
  };
}

/** The most that any process of the container can have. */
export function boundingSet({
  record: { spec },
  facts,
}: Pick<LaunchInput, 'record' | 'facts'>): bigint {
  return capabilitySet({
    add: spec.capAdd,
    drop: spec.capDrop,
    privileged: spec.privileged,
    last: facts.lastCapability,
  });
}

/** Root starts with all of the bounding set, others with none, unless it is ambient. Nothing is inheritable otherwise. */
export function processCapabilities(
  bounding: bigint,
  process: { readonly uid: number; readonly ambient: boolean },
): OciCapabilities {
  const all = namesOf(bounding);
  const held = process.uid === 0 || process.ambient ? all : none;
  const ambient = process.ambient ? all : none;
  return { bounding: all, effective: held, permitted: held, inheritable: ambient, ambient };
}

const none: readonly string[] = [];
const nameLists = new Map<bigint, readonly string[]>();

function namesOf(mask: bigint): readonly string[] {
  const known = nameLists.get(mask) ?? namesOfCapabilities(mask);
  nameLists.set(mask, known);
  return known;
}

/** On where a set-user-id program would reach the host's own ids; off where it is contained. */
export function noNewPrivileges(spec: ContainerSpec): boolean {
  return spec.security.noNewPrivileges ?? (spec.userns === 'host' && !spec.privileged);
}

/** A hostname of its own has only the container that asked for one; the others take the head of their id. */
export function hostnameOf({ id, spec }: ContainerRecord): string {
  return spec.hostname === '' ? id.slice(0, 12) : spec.hostname;
}

/** What differs between a container's own process and an exec in it. */
export interface EnvironmentChange {
  readonly tty?: boolean;
  readonly extra?: readonly string[];
}

/** The stored environment with what it lacks, Docker's defaults first. */
export function environment(
  record: ContainerRecord,
  user: ResolvedUser,
  change: EnvironmentChange = {},
): string[] {
  const { spec } = record;
  const given = mergeEnvironment(spec.env, change.extra ?? []);
  const lacks = (prefix: string): boolean => !given.some((entry) => entry.startsWith(prefix));
  const missing: string[] = [];
  if (lacks('PATH=')) missing.push(defaultPath);
  if (spec.uts === 'private' && lacks('HOSTNAME=')) missing.push(`HOSTNAME=${hostnameOf(record)}`);
  if ((change.tty ?? spec.tty) && lacks('TERM=')) missing.push('TERM=xterm');
  if (spec.systemd && lacks('container=')) missing.push('container=warren');
  if (user.home !== '' && lacks('HOME=')) missing.push(`HOME=${user.home}`);
  return [...missing, ...given];
}

function mergeEnvironment(base: readonly string[], extra: readonly string[]): readonly string[] {
  if (extra.length === 0) return base;
  const replaced = new Set(extra.map(nameOf));
  return [...base.filter((entry) => !replaced.has(nameOf(entry))), ...extra];
}

function nameOf(entry: string): string {
  const at = entry.indexOf('=');
  return at < 0 ? entry : entry.slice(0, at);
}

function rlimit({ name, soft, hard }: Ulimit): OciRlimit {
  return { type: `RLIMIT_${name.toUpperCase()}`, soft, hard };
}
