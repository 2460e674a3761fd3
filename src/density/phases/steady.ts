import { throwIfAborted } from '../../base/abort.js';
import { distributionOf, type Distribution } from '../figures/histogram.js';
import { memoryCostOf, type MemoryCost } from '../figures/memory-cost.js';
import { throughputOf, timed, type Throughput } from '../figures/throughput.js';
import { engineProcesses, type EngineProcess } from '../host/engine-processes.js';
import { memoryCgroupBytes } from '../host/memory-cgroup.js';
import { readBusiness, type Business } from '../host/pressure.js';
import { runWarren } from '../programs/command-line.js';
import { announce, type Session } from '../session.js';
import type { Checkpoint } from './checkpoint.js';

/** The whole population at rest. */
export interface SteadyFigures {
  readonly business: Business;
  readonly processes: readonly EngineProcess[];
  /** Proportional memory of all engine processes, and its growth since the engine was empty, for a container. */
  readonly enginePssBytes: number;
  readonly engineBytesPerContainer: number;
  /** Processes outside of containers: 0 for each container is the promise. */
  readonly engineProcessesGrown: number;
  /** null: two counts that far apart are not there. */
  readonly memoryCost: MemoryCost | null;
  /** Kernel memory of an empty memory cgroup while all are alive. */
  readonly memoryCgroupBytes: number | null;
  readonly list: {
    readonly listed: number;
    readonly library: Distribution;
    readonly commandLine: Distribution;
  };
  /** All running containers in one call. */
  readonly stats: Throughput;
}

const lists = 7;

export interface SteadyInput {
  readonly checkpoints: readonly Checkpoint[];
  /** Engine processes when it was empty. */
  readonly before: readonly EngineProcess[];
}

export async function measureSteady(
  session: Session,
  { checkpoints, before }: SteadyInput,
): Promise<SteadyFigures> {
  const { engine, containers } = session;
  announce(session, 'steady', `list and stats of ${containers.length}`);
  const { keepers } = await engine.system.info();
  const processes = engineProcesses(keepers.map(({ pid }) => pid));
  const business = readBusiness();
  const list = await measureList(session);
  const { value, elapsedMs } = await timed(async () => await engine.containers.stats());
  const grown = pssOf(processes) - pssOf(before);
  return {
    business,
    processes,
    enginePssBytes: pssOf(processes),
    engineBytesPerContainer: grown / Math.max(1, containers.length),
    engineProcessesGrown: processes.length - before.length,
    memoryCost: costOf(checkpoints, session.scenario.superblocks),
    memoryCgroupBytes: memoryCgroupBytes(`${session.workspace.paths.name}-probe`),
    list,
    stats: throughputOf(value.length, elapsedMs),
  };
}

function pssOf(processes: readonly EngineProcess[]): number {
  return processes.reduce((sum, { pssBytes }) => sum + pssBytes, 0);
}

/** The last two sizes: there the quadratic part is largest. */
function costOf(checkpoints: readonly Checkpoint[], superblocks: number): MemoryCost | null {
  const points = checkpoints.map(({ count, memory }) => ({ count, bytes: memory.available }));
  const [first, second] = points.slice(-2);
  return first === undefined || second === undefined
    ? null
    : memoryCostOf([first, second], superblocks);
}

async function measureList(session: Session): Promise<SteadyFigures['list']> {
  const { engine, workspace, signal } = session;
  const library: number[] = [];
  const commandLine: number[] = [];
  let listed = Number.MAX_SAFE_INTEGER;
  for (let index = 0; index < lists; index += 1) {
    throwIfAborted(signal, 'measure the list of containers');
    const inProcess = await timed(async () => await engine.containers.list());
    library.push(inProcess.elapsedMs);
    const lines = await timed(
      async () => await runWarren(workspace.paths.engine, ['ps', '--quiet']),
    );
    commandLine.push(lines.elapsedMs);
    listed = Math.min(listed, inProcess.value.length, lines.value.length);
  }
  return {
    listed,
    library: distributionOf(library),
    commandLine: distributionOf(commandLine),
  };
}
