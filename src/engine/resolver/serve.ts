import { ResolverServer } from '../../network/resolver/server.js';
import { HostServers } from '../../network/resolver/host-servers.js';
import type { EngineContext } from '../context.js';
import { Admissions } from './admission.js';
import { answerQuery, type AnswerParts } from './answer.js';

/** Sockets that a keeper's program opened in the router (`netns listen`). */
const inherited = { datagrams: 3, streams: 4 } as const;

/** Answers questions of containers until `signal` aborts. */
export async function serveNames(context: EngineContext, signal: AbortSignal): Promise<void> {
  const now = (): number => context.clock.now();
  const servers = new HostServers('/etc/resolv.conf', now);
  const admissions = new Admissions(async () => context.keepers.master(), now);
  const parts: AnswerParts = {
    records: context.records,
    hostServers: () => servers.servers,
    admit: async (admission) => admissions.admit(admission),
  };
  const server = new ResolverServer(async (query, client) => answerQuery(parts, query, client));
  await server.listen(inherited);
  signal.addEventListener('abort', () => {
    server.close();
  });
  await server.ended();
}
