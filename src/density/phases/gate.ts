import { readFileSync, readlinkSync, statfsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { errnoOf } from '../../base/errors.js';
import { look } from '../programs/look.js';
import type { Scenario } from '../scenario.js';
import type { Session } from '../session.js';
import { proveLimits, type LimitProof } from './gate-limits.js';

/** Whether the population is what it claims to be. */
export interface GateFigures {
  readonly checked: number;
  readonly passed: number;
  /** What each container was asked: name of the check → how many passed it. */
  readonly checks: Readonly<Record<string, number>>;
  /** The first few that failed, with the reason. */
  readonly failures: readonly string[];
  /** Containers that were made to hit a limit. */
  readonly limits: readonly LimitProof[];
}

/** A container as the host sees it. */
interface Member {
  readonly id: string;
  readonly hostname: string;
  readonly pid: number;
  readonly cgroupPath: string;
}

type Check = (member: Member) => string | null;

const overlayMagic = 0x794c7630;
const namespaces = ['pid', 'mnt', 'uts', 'ipc', 'cgroup', 'user', 'net'] as const;
const failuresShown = 10;
const cgroupRoot = '/sys/fs/cgroup';

/**
 * Every container proves that it is one: its first process is pid 1 of an own pid namespace, no namespace is the host's or another
 * container's, its host name is its own, its root is an overlay of its own, and its cgroups hold the limits of the run.
 */
export async function gate(session: Session): Promise<GateFigures> {
  const members = await membersOf(session);
  const hostnames = await look(members.map(({ pid }) => `hostname ${pid}`));
  const checks = checksOf(session.scenario, hostnames, members);
  const passed: Record<string, number> = {};
  const failures: string[] = [];
  let whole = 0;
  for (const member of members) {
    const reasons = Object.entries(checks).flatMap(([name, check]) => {
      const reason = attempt(check, member);
      passed[name] = (passed[name] ?? 0) + (reason === null ? 1 : 0);
      return reason === null ? [] : [`${member.id.slice(0, 12)} ${name}: ${reason}`];
    });
    if (reasons.length === 0) whole += 1;
    failures.push(...reasons);
  }
  const missing = session.containers.length - members.length;
  if (missing > 0) failures.unshift(`${missing} containers do not run any more`);
  return {
    checked: session.containers.length,
    passed: whole,
    checks: passed,
    failures: failures.slice(0, failuresShown),
    limits: await proveLimits(session),
  };
}

async function membersOf({ engine, containers }: Session): Promise<readonly Member[]> {
  const alive = await engine.containers.list();
  const states = new Map(alive.map((summary) => [summary.record.id as string, summary]));
  return containers.flatMap(({ id }) => {
    const summary = states.get(id);
    if (summary === undefined || summary.state.pid === 0) return [];
    const { record, state } = summary;
    return [{ id, hostname: id.slice(0, 12), pid: state.pid, cgroupPath: record.cgroupPath }];
  });
}

function attempt(check: Check, member: Member): string | null {
  try {
    return check(member);
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === undefined) throw error;
    return errno;
  }
}

function checksOf(
  scenario: Scenario,
  hostnames: readonly string[],
  members: readonly Member[],
): Readonly<Record<string, Check>> {
  const told = new Map(members.map(({ id }, index) => [id, hostnames[index] ?? '']));
  return {
    'own pid 1': ownFirstProcess,
    'own namespaces': distinctNamespaces(scenario),
    'own host name': ({ id, hostname }) => {
      const answer = told.get(id) ?? '';
      return answer === `ok ${hostname}` ? null : `it is told ${answer}`;
    },
    'own root': ownRoot(),
    'limits in force': limitsInForce(scenario),
  };
}

function ownFirstProcess({ pid }: Member): string | null {
  const inner = /^NSpid:\s+(.*)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? '';
  const ids = inner.split(/\s+/);
  return ids.length === 2 && ids[1] === '1' ? null : `its pids are ${inner}`;
}

function distinctNamespaces({ network }: Scenario): Check {
  const seen = new Set<string>();
  const asked = namespaces.filter((kind) => kind !== 'net' || network !== 'host');
  const own = new Set(asked.map((kind) => readlinkSync(`/proc/self/ns/${kind}`)));
  return ({ pid }) => {
    for (const kind of asked) {
      const link = readlinkSync(`/proc/${pid}/ns/${kind}`);
      if (own.has(link)) return `${kind} is the host's`;
      if (seen.has(link)) return `${kind} is another container's`;
      seen.add(link);
    }
    return null;
  };
}

function ownRoot(): Check {
  const seen = new Set<number>();
  const host = statSync('/').dev;
  return ({ pid }) => {
    const root = `/proc/${pid}/root`;
    const { dev } = statSync(root);
    if (dev === host) return "it is the host's";
    if (seen.has(dev)) return "it is another container's";
    seen.add(dev);
    return statfsSync(`${root}/`).type === overlayMagic ? null : 'it is no overlay';
  };
}

/** Files of a cgroup and the values that they must hold. */
function limitsInForce({ memoryBytes, pidsLimit, cpus }: Scenario): Check {
  const page = 4096;
  const memory = Math.floor(memoryBytes / page) * page;
  const v2 = statfsSync(cgroupRoot).type === 0x63677270;
  const wanted: readonly (readonly [string, string, string])[] = v2
    ? [
        ['', 'memory.max', `${memory}`],
        ['', 'pids.max', `${pidsLimit}`],
        ['', 'cpu.max', `${Math.round(cpus * 100_000)} 100000`],
      ]
    : [
        ['memory', 'memory.limit_in_bytes', `${memory}`],
        ['pids', 'pids.max', `${pidsLimit}`],
        ['cpu', 'cpu.cfs_quota_us', `${Math.round(cpus * 100_000)}`],
      ];
  return ({ cgroupPath, pid }) => {
    for (const [hierarchy, file, value] of wanted) {
      const group = join(cgroupRoot, hierarchy, cgroupPath);
      const found = readFileSync(join(group, file), 'utf8').trim();
      if (found !== value) return `${file} is ${found}, not ${value}`;
      const members = readFileSync(join(group, 'cgroup.procs'), 'utf8').split('\n');
      if (!members.includes(`${pid}`)) return `its first process is not in ${group}`;
    }
    return null;
  };
}
