import { randomInt } from 'node:crypto';
import { throwIfAborted } from '../../base/abort.js';
import { Recorder, type Distribution } from '../figures/histogram.js';
import { memoryTaken, settledMemory, type MemoryReading } from '../host/meminfo.js';
import { announce, type Session } from '../session.js';
import { measureRequests, type RequestFigures } from './requests.js';

/** The population at one of its sizes. */
export interface Checkpoint {
  readonly count: number;
  /** Taken since the engine was ready and empty; bytes of the whole population. */
  readonly memory: MemoryReading;
  readonly exec: ExecFigures;
  /** null: the workload serves nothing. */
  readonly requests: RequestFigures | null;
}

export interface ExecFigures {
  readonly latency: Distribution;
  readonly failed: number;
}

export async function measureCheckpoint(
  session: Session,
  baseline: MemoryReading,
): Promise<Checkpoint> {
  const count = session.containers.length;
  announce(session, 'memory', `of ${count} containers, settling`);
  const memory = memoryTaken(baseline, await settledMemory(session.signal));
  announce(session, 'exec', `in containers at random, ${count} alive`);
  const exec = await measureExec(session);
  if (session.scenario.workload !== 'http') return { count, memory, exec, requests: null };
  announce(session, 'requests', `to containers at random, ${count} alive`);
  return { count, memory, exec, requests: await measureRequests(session) };
}

/** One at a time, from the library's call to the exit code, in containers picked at random. */
export async function measureExec(session: Session): Promise<ExecFigures> {
  const { containers, scenario, signal } = session;
  const recorder = new Recorder();
  let failed = 0;
  for (let index = 0; index < scenario.execs; index += 1) {
    throwIfAborted(signal, 'measure exec');
    const container = containers[randomInt(containers.length)];
    if (container === undefined) break;
    const start = performance.now();
    const { exitCode } = await container.exec(['true']);
    recorder.record(performance.now() - start);
    if (exitCode !== 0) failed += 1;
  }
  return { latency: recorder.distribution, failed };
}
