import { randomInt } from 'node:crypto';
import { distributionOf, type Distribution } from '../figures/histogram.js';
import { look } from '../programs/look.js';
import { httpPort } from '../scenario.js';
import type { Session } from '../session.js';

/** Answers of containers picked at random. */
export interface RequestFigures {
  readonly latency: Distribution;
  readonly failed: number;
  /** Where the client stood. */
  readonly from: string;
}

const loopback = '127.0.0.1';

/**
 * One GET after the other to containers picked at random: connect, ask, whole answer. The client enters the container's network
 * namespace and asks over its loopback, so the figure shows the scheduling of many sleeping servers and not a network between.
 */
export async function measureRequests(session: Session): Promise<RequestFigures> {
  const { engine, containers, scenario, signal } = session;
  const alive = await engine.containers.list();
  const pids = new Map(alive.map(({ record, state }) => [record.id as string, state.pid]));
  const requests: string[] = [];
  for (let index = 0; index < scenario.requests; index += 1) {
    const chosen = containers[randomInt(containers.length)];
    const pid = scenario.network === 'host' ? 0 : pids.get(chosen?.id ?? '');
    if (pid !== undefined) requests.push(`http ${pid} ${loopback} ${httpPort}`);
  }
  const answers = await look(requests, signal);
  const times = answers.flatMap((answer) => {
    const match = /^ok (\d+)$/.exec(answer);
    return match === null ? [] : [Number(match[1]) / 1e6];
  });
  return {
    latency: distributionOf(times),
    failed: scenario.requests - times.length,
    from: "the container's own network namespace, over its loopback",
  };
}
