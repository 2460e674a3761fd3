import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { packageVersion } from '../../base/package.js';

/** The machine that a figure comes from. */
export interface HostManifest {
  readonly kernel: string;
  readonly architecture: string;
  readonly cpuModel: string;
  readonly cpus: number;
  readonly memoryBytes: number;
  readonly swapBytes: number;
  readonly cgroups: 'v1' | 'v2' | 'hybrid';
  readonly mitigations: Readonly<Record<string, string>>;
  readonly transparentHugepages: string;
  readonly uptimeSeconds: number;
  readonly node: string;
  readonly warren: string;
  /** Kernel memory of an empty memory cgroup before anything was launched; about 15 KiB after a boot. */
  readonly memoryCgroupBytes: number | null;
}

export function hostManifest(memoryCgroupBytes: number | null): HostManifest {
  return {
    kernel: release(),
    architecture: process.arch,
    cpuModel: cpus()[0]?.model ?? 'unknown',
    cpus: cpus().length,
    memoryBytes: totalmem(),
    swapBytes: swapBytes(),
    cgroups: cgroupMode(),
    mitigations: mitigations(),
    transparentHugepages: chosen(read('/sys/kernel/mm/transparent_hugepage/enabled')),
    uptimeSeconds: Math.round(Number(read('/proc/uptime').split(' ')[0])),
    node: process.version,
    warren: packageVersion(),
    memoryCgroupBytes,
  };
}

function read(path: string): string {
  return existsSync(path) ? readFileSync(path, 'utf8').trim() : '';
}

/** The word in brackets of `always [madvise] never`. */
function chosen(text: string): string {
  return /\[(\w+)\]/.exec(text)?.[1] ?? 'unknown';
}

function cgroupMode(): HostManifest['cgroups'] {
  if (existsSync('/sys/fs/cgroup/cgroup.controllers')) return 'v2';
  return existsSync('/sys/fs/cgroup/unified/cgroup.procs') ? 'hybrid' : 'v1';
}

function swapBytes(): number {
  const total = /^SwapTotal:\s+(\d+)/m.exec(read('/proc/meminfo'))?.[1];
  return Number(total ?? 0) * 1024;
}

function mitigations(): Readonly<Record<string, string>> {
  const directory = '/sys/devices/system/cpu/vulnerabilities';
  if (!existsSync(directory)) return {};
  const names = readdirSync(directory);
  return Object.fromEntries(names.map((name) => [name, read(join(directory, name))]));
}
