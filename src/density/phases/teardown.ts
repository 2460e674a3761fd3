import type { BatchResult } from '../../engine/contract.js';
import { throughputOf, timed, type Throughput } from '../figures/throughput.js';
import { announce, type Session } from '../session.js';

export interface TeardownFigures {
  /** From the call that kills all to its last answer. */
  readonly kill: Throughput;
  /** From the first kill until processes are reaped, cgroups, files and records gone. */
  readonly reclaim: Throughput;
  readonly failures: readonly string[];
}

const failuresShown = 5;

/** Kills all containers, then removes them. Not interrupted by the user's signal: it is what the signal asks for. */
export async function teardown(session: Session): Promise<TeardownFigures> {
  const { engine, containers, onProgress } = session;
  const ids = containers.map(({ id }) => id);
  announce(session, 'teardown', `kills ${ids.length}`);
  const killed = await timed(async () => await engine.containers.kill(ids));
  const options = { force: true, volumes: true, onProgress };
  const removed = await timed(async () => await engine.containers.remove(ids, options));
  session.containers = [];
  const failures = [...killed.value, ...removed.value].flatMap((result) =>
    result.ok ? [] : [result.error.message],
  );
  return {
    kill: throughputOf(succeeded(killed.value), killed.elapsedMs),
    reclaim: throughputOf(succeeded(removed.value), killed.elapsedMs + removed.elapsedMs),
    failures: failures.slice(0, failuresShown),
  };
}

function succeeded(results: readonly BatchResult[]): number {
  return results.filter(({ ok }) => ok).length;
}
