import type { ContainerConfig } from '../../model/container-config.js';
import { configOf } from '../scenario.js';
import type { Session } from '../session.js';

/** A container of the same limits that was made to reach one of them. */
export interface LimitProof {
  readonly limit: 'memory' | 'pids' | 'cpu';
  readonly held: boolean;
  readonly detail: string;
}

/** The program that provokes comes with Warren: any image's would do, this one is known. */
const provokingImage = 'tiny';
const burnSeconds = 2;

/** One container for each limit; each is removed again. */
export async function proveLimits(session: Session): Promise<readonly LimitProof[]> {
  return [await proveMemory(session), await provePids(session), await proveCpu(session)];
}

function provoker(session: Session, command: readonly string[]): ContainerConfig {
  return { ...configOf(session.scenario), image: provokingImage, command };
}

async function proveMemory(session: Session): Promise<LimitProof> {
  const { engine, signal, scenario } = session;
  const size = `${Math.ceil((2 * scenario.memoryBytes) / 1024)}k`;
  const container = await engine.run(provoker(session, ['eat-memory', size]), { signal });
  try {
    const { oomKilled, code } = await container.wait({ signal });
    return {
      limit: 'memory',
      held: oomKilled,
      detail: `wanted twice its limit; ${oomKilled ? 'killed by it' : `ended with ${code ?? 'an unknown code'}`}`,
    };
  } finally {
    await container.remove({ force: true });
  }
}

async function provePids(session: Session): Promise<LimitProof> {
  const { engine, signal, scenario } = session;
  const container = await engine.run(provoker(session, ['pause']), { signal });
  try {
    const { stdout } = await container.exec(['fork-bomb', `${2 * scenario.pidsLimit}`]);
    const forked = Number(/: (\d+) processes/.exec(stdout)?.[1] ?? Number.NaN);
    return {
      limit: 'pids',
      held: forked < scenario.pidsLimit,
      detail: `wanted ${2 * scenario.pidsLimit} processes; got ${forked}`,
    };
  } finally {
    await container.remove({ force: true });
  }
}

async function proveCpu(session: Session): Promise<LimitProof> {
  const { engine, signal } = session;
  const container = await engine.run(provoker(session, ['burn', `${burnSeconds}`]), { signal });
  try {
    await container.wait({ signal });
    const { lastExit } = await container.state();
    const usedUs = (lastExit?.usage.userUs ?? 0) + (lastExit?.usage.systemUs ?? 0);
    // A second period may have begun when it ended; a busy machine gives less, never more.
    const allowedUs = (session.scenario.cpus * burnSeconds + 0.2) * 1e6;
    return {
      limit: 'cpu',
      held: usedUs <= allowedUs,
      detail: `wanted ${burnSeconds} s of a CPU; got ${(usedUs / 1e6).toFixed(2)} s`,
    };
  } finally {
    await container.remove({ force: true });
  }
}
