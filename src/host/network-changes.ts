import {
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { errnoOf } from '../base/errors.js';
import { lockAcrossProcesses } from './process-lock.js';

/** One of the host's settings that was changed. */
export interface ChangedSysctl {
  /** `net.ipv4.ip_forward` */
  readonly name: string;
  readonly before: string;
  readonly set: string;
}

interface Stored {
  readonly sysctls: readonly ChangedSysctl[];
  /** Name of a data root's link: the IP families that it has forwarded. */
  readonly users: Readonly<Record<string, readonly number[]>>;
}

const directory = '/run/warren-host';
const nothing: Stored = { sysctls: [], users: {} };

/** Settings belong to a network namespace, and so does what is known of their changes. */
function fileOfNamespace(): string {
  return join(directory, `net-${statSync('/proc/self/ns/net').ino}.json`);
}

function read(): Stored {
  try {
    return JSON.parse(readFileSync(fileOfNamespace(), 'utf8')) as Stored;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return nothing;
    throw error;
  }
}

function store(stored: Stored): void {
  const file = fileOfNamespace();
  writeFileSync(`${file}.new`, JSON.stringify(stored), { mode: 0o600 });
  renameSync(`${file}.new`, file);
}

function pathOf(sysctl: string): string {
  return `/proc/sys/${sysctl.replaceAll('.', '/').replaceAll(':', '.')}`;
}

function valueOf(sysctl: string): string | null {
  try {
    return readFileSync(pathOf(sysctl), 'utf8').trim();
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return null;
    throw error;
  }
}

/** Links of this network namespace; `/sys/class/net` may show those of another. */
function linksHere(): ReadonlySet<string> {
  const lines = readFileSync('/proc/self/net/dev', 'utf8').split('\n');
  return new Set(lines.flatMap((line) => /^\s*([^\s:|]+):/.exec(line)?.[1] ?? []));
}

/**
 * What forwarding needs. A host that forwards IPv6 takes no default route from routers any more unless told to (`accept_ra` 2): a
 * link that takes one goes on. A dot in a link's name is written as `:`.
 */
function settingsFor(family: 4 | 6): ReadonlyMap<string, string> {
  if (family === 4) return new Map([['net.ipv4.ip_forward', '1']]);
  const taking = readdirSync('/proc/sys/net/ipv6/conf')
    .map((link) => `net.ipv6.conf.${link.replaceAll('.', ':')}.accept_ra`)
    .filter((name) => !name.startsWith('net.ipv6.conf.wrn') && valueOf(name) === '1');
  return new Map([
    ...taking.map((name) => [name, '2'] as const),
    ['net.ipv6.conf.all.forwarding', '1'],
  ]);
}

function isForwarding(family: 4 | 6): boolean {
  const name = family === 4 ? 'net.ipv4.ip_forward' : 'net.ipv6.conf.all.forwarding';
  return valueOf(name) === '1';
}

/** Settings of this network namespace that Warren changed, whichever data root. */
export function changedSysctls(): readonly ChangedSysctl[] {
  return read().sysctls;
}

/**
 * Makes the host forward packets of a family, as long as one data root needs it.
 * @param user name of the data root's link
 * @param verify called before anything is changed, when this user has not got here before
 */
export async function needForwarding(
  user: string,
  family: 4 | 6,
  verify: () => Promise<void>,
): Promise<void> {
  if (read().users[user]?.includes(family) === true && isForwarding(family)) return;
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  await exclusively(async () => {
    await verify();
    change(user, family);
  });
}

function change(user: string, family: 4 | 6): void {
  const { sysctls, users } = read();
  const known = new Set(sysctls.map(({ name }) => name));
  const added: ChangedSysctl[] = [];
  for (const [name, set] of settingsFor(family)) {
    const before = valueOf(name);
    if (before === null || before === set || known.has(name)) continue;
    added.push({ name, before, set });
  }
  // Written first: what a crash leaves changed is known.
  const families = [...new Set([...(users[user] ?? []), family])];
  store({ sysctls: [...sysctls, ...added], users: { ...users, [user]: families } });
  for (const [name, set] of settingsFor(family)) writeFileSync(pathOf(name), set);
}

/** Ends a user's need. With the last one, settings get their values back, but those that somebody changed again. */
export async function endForwarding(user: string): Promise<void> {
  if (read() === nothing) return;
  await exclusively(() => giveBack(user));
}

async function exclusively(work: () => void | Promise<void>): Promise<void> {
  const lock = await lockAcrossProcesses(directory, fileOfNamespace());
  try {
    await work();
  } finally {
    await lock.release();
  }
}

function giveBack(user: string): void {
  const { sysctls, users } = read();
  const links = linksHere();
  const left = Object.entries(users).filter(([name]) => name !== user && links.has(name));
  if (left.length > 0) {
    store({ sysctls, users: Object.fromEntries(left) });
  } else {
    for (const { name, before, set } of [...sysctls].reverse()) {
      if (valueOf(name) === set) writeFileSync(pathOf(name), before);
    }
    rmSync(fileOfNamespace(), { force: true });
  }
}
