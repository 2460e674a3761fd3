import { constants } from 'node:fs';
import { open, readFile } from 'node:fs/promises';
import { cpus, release, totalmem } from 'node:os';
import { errnoOf } from '../../base/errors.js';
import type { KernelFacts } from '../facts.js';

const kib = 1024;

/** Looks at /proc and /sys. Nothing is tried out: that is the doctor's work. */
export async function probeFacts(): Promise<KernelFacts> {
  const status = fields(await readFile('/proc/self/status', 'utf8'));
  const meminfo = fields(await readFile('/proc/meminfo', 'utf8'));
  const kernel = release();
  return {
    release: kernel,
    version: versionOf(kernel),
    architecture: process.arch === 'arm64' ? 'arm64' : 'x64',
    bootId: (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim(),
    cpus: cpus().length,
    memoryBytes: totalmem(),
    swapBytes: parseInt(meminfo.get('SwapTotal') ?? '0', 10) * kib,
    isRoot: process.geteuid?.() === 0,
    capabilities: BigInt(`0x${status.get('CapEff') ?? '0'}`),
    lastCapability: Number(await readFile('/proc/sys/kernel/cap_last_cap', 'utf8')),
    filesystems: parseFilesystems(await readFile('/proc/filesystems', 'utf8')),
    lsms: words(await readIfPresent('/sys/kernel/security/lsm'), ','),
    userNamespaces: await hasUserNamespaces(),
    seccompActions: words(await readIfPresent('/proc/sys/kernel/seccomp/actions_avail'), ' '),
    rlimits: parseRlimits(await readFile('/proc/self/limits', 'utf8')),
    pidMax: Number(await readFile('/proc/sys/kernel/pid_max', 'utf8')),
  };
}

/** `6.18.44-x` → 618. */
export function versionOf(kernel: string): number {
  const match = /^(\d+)\.(\d+)/.exec(kernel);
  return match === null ? 0 : Number(match[1]) * 100 + Number(match[2]);
}

/** Names of /proc/filesystems, with and without `nodev`. */
export function parseFilesystems(text: string): string[] {
  return text
    .split('\n')
    .map((line) => line.split('\t').at(-1) ?? '')
    .filter((name) => name !== '');
}

/** Lower-case names as ulimits have them; unlimited is Infinity. */
const limitNames: Readonly<Record<string, string>> = {
  'Max cpu time': 'cpu',
  'Max file size': 'fsize',
  'Max data size': 'data',
  'Max stack size': 'stack',
  'Max core file size': 'core',
  'Max resident set': 'rss',
  'Max processes': 'nproc',
  'Max open files': 'nofile',
  'Max locked memory': 'memlock',
  'Max address space': 'as',
  'Max file locks': 'locks',
  'Max pending signals': 'sigpending',
  'Max msgqueue size': 'msgqueue',
  'Max nice priority': 'nice',
  'Max realtime priority': 'rtprio',
  'Max realtime timeout': 'rttime',
};

export function parseRlimits(text: string): KernelFacts['rlimits'] {
  const limits: Record<string, { soft: number; hard: number }> = {};
  for (const line of text.split('\n')) {
    const match = /^(Max [a-z ]+?)\s{2,}(\S+)\s+(\S+)/.exec(line);
    const name = match === null ? undefined : limitNames[match[1] ?? ''];
    if (match === null || name === undefined) continue;
    limits[name] = { soft: limit(match[2]), hard: limit(match[3]) };
  }
  return limits;
}

function limit(text: string | undefined): number {
  return text === 'unlimited' ? Infinity : Number(text);
}

async function hasUserNamespaces(): Promise<boolean> {
  const most = await readIfPresent('/proc/sys/user/max_user_namespaces');
  if (most === '' || Number(most) === 0) return false;
  try {
    await (await open('/proc/self/ns/user', constants.O_RDONLY)).close();
    return true;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return false;
    throw error;
  }
}

/** Empty when the kernel has no such file. */
async function readIfPresent(path: string): Promise<string> {
  try {
    return (await readFile(path, 'utf8')).trim();
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === 'ENOENT' || errno === 'EACCES') return '';
    throw error;
  }
}

function words(text: string, separator: string): string[] {
  return text.split(separator).filter((word) => word !== '');
}

function fields(text: string): Map<string, string> {
  return new Map(
    text.split('\n').flatMap((line) => {
      const at = line.indexOf(':');
      return at < 0 ? [] : [[line.slice(0, at), line.slice(at + 1).trim()] as const];
    }),
  );
}
