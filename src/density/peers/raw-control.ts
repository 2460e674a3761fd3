/** The raw control (src/density/control): the kernel's work for the same containers and nothing else. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { arch } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { packageRoot } from '../../base/package.js';
import { WarrenError } from '../../base/errors.js';
import { nativeProgramPath } from '../../host/native-path.js';

const execute = promisify(execFile);
const nanosecondsPerMs = 1e6;
const maximumOutputBytes = 64 * 1024 * 1024;

export interface ControlRequest {
  readonly mode: 'launch' | 'exec';
  readonly count: number;
  readonly networkNamespaces: boolean;
  readonly limits: boolean;
  readonly superblocks: 3 | 5;
  /** Name of its cgroup below each hierarchy's root. */
  readonly cgroup: string;
}

export interface ControlResult {
  readonly count: number;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p90Ms: number;
  readonly p99Ms: number;
  /** Of all containers at once, by MemAvailable; of a launch only. */
  readonly memoryBytes: number;
}

interface Summary {
  readonly totalNs: number;
  readonly memoryBytes: number;
  readonly p50Ns: number;
  readonly p90Ns: number;
  readonly p99Ns: number;
}

/** @throws WarrenError unavailable (NO_RAW_CONTROL) when it is not built */
export function rawControlPath(): string {
  const path = join(packageRoot, 'build', 'native', `linux-${arch()}`, 'raw');
  if (existsSync(path)) return path;
  throw new WarrenError(
    'unavailable',
    'NO_RAW_CONTROL',
    `Cannot measure the raw control: ${path} does not exist`,
    { hint: `Build it with: make -C ${join(packageRoot, 'src', 'density', 'control')}` },
  );
}

/** Runs it to its end; nothing of it is left then. */
export async function runRawControl(request: ControlRequest): Promise<ControlResult> {
  const yesNo = (value: boolean): string => (value ? 'yes' : 'no');
  const options = {
    '--mode': request.mode,
    '--count': `${request.count}`,
    '--netns': yesNo(request.networkNamespaces),
    '--limits': yesNo(request.limits),
    '--superblocks': `${request.superblocks}`,
    '--cgroup': request.cgroup,
    '--program': nativeProgramPath('warren-init'),
  };
  const { stdout } = await execute(rawControlPath(), Object.entries(options).flat(), {
    maxBuffer: maximumOutputBytes,
  });
  const summary = JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '') as Summary;
  return {
    count: request.count,
    perSecond: (request.count / summary.totalNs) * nanosecondsPerMs * 1000,
    p50Ms: summary.p50Ns / nanosecondsPerMs,
    p90Ms: summary.p90Ns / nanosecondsPerMs,
    p99Ms: summary.p99Ns / nanosecondsPerMs,
    memoryBytes: summary.memoryBytes,
  };
}
