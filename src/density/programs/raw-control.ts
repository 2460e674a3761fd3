/** The raw control (src/density/control): the kernel's work for the same containers and nothing else. */
import { join } from 'node:path';
import { nativeProgramPath } from '../../host/native-path.js';
import { distributionOf, type Distribution } from '../figures/histogram.js';
import type { WorkspacePaths } from '../workspace.js';
import { runProgram } from '../peers/tools/program.js';

const nanosecondsPerMs = 1e6;

export interface ControlRequest {
  readonly mode: 'launch' | 'exec';
  readonly count: number;
  readonly networkNamespaces: boolean;
  readonly superblocks: 3 | 5;
  readonly paths: WorkspacePaths;
  readonly signal?: AbortSignal;
}

export interface ControlResult {
  readonly count: number;
  readonly perSecond: number;
  readonly each: Distribution;
  /** ms of the k-th launch. */
  readonly series: readonly number[];
  /** Of all containers at once, by MemAvailable; of a launch only. */
  readonly memoryBytes: number;
  /** One write of cgroup.kill for all. */
  readonly killPerSecond: number;
  /** From that write until all are reaped and their cgroups are gone. */
  readonly reclaimPerSecond: number;
}

/** Of its last lines. */
interface Summary {
  readonly totalNs: number;
  readonly memoryBytes: number;
  readonly killNs: number;
  readonly reapNs: number;
  readonly removeNs: number;
}

type Line = { readonly index: number; readonly ns: number } | Partial<Summary>;

/** Runs it to its end; nothing of it is left then, also when it is interrupted. */
export async function runRawControl(request: ControlRequest): Promise<ControlResult> {
  const { mode, count, networkNamespaces, superblocks, paths, signal } = request;
  const options = {
    '--mode': mode,
    '--count': `${count}`,
    '--netns': networkNamespaces ? 'yes' : 'no',
    '--limits': 'yes',
    '--superblocks': `${superblocks}`,
    '--cgroup': `${paths.name}-raw`,
    '--directory': join(paths.base, 'raw'),
    '--program': nativeProgramPath('warren-init'),
  };
  const { stdout } = await runProgram(
    nativeProgramPath('warren-raw'),
    Object.entries(options).flat(),
    signal === undefined ? {} : { signal },
  );
  const lines = stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Line);
  const series = lines.flatMap((line) => ('ns' in line ? [line.ns / nanosecondsPerMs] : []));
  const summary = Object.assign({}, ...lines.filter((line) => !('ns' in line))) as Summary;
  const { totalNs, memoryBytes, killNs, reapNs, removeNs } = summary;
  const containers = mode === 'launch' ? count : 1;
  const perSecond = (done: number, ns: number): number => (done / ns) * nanosecondsPerMs * 1000;
  return {
    count,
    perSecond: perSecond(count, totalNs),
    each: distributionOf(series),
    series,
    memoryBytes,
    killPerSecond: perSecond(containers, killNs),
    reclaimPerSecond: perSecond(containers, killNs + reapNs + removeNs),
  };
}
